/** Rectangles in a grid of cells, so that "does this overlap anything" does not look at all of them. */
export class BoxIndex {
  readonly #cells = new Map<number, { x0: number; y0: number; x1: number; y1: number }[]>();
  readonly #size: number;

  constructor(cellSize: number) {
    this.#size = cellSize;
  }

  add(x0: number, y0: number, x1: number, y1: number): void {
    const box = { x0, y0, x1, y1 };
    this.#visit(x0, y0, x1, y1, (key) => {
      const cell = this.#cells.get(key);
      if (cell) cell.push(box);
      else this.#cells.set(key, [box]);
      return false;
    });
  }

  overlaps(x0: number, y0: number, x1: number, y1: number): boolean {
    return this.#visit(x0, y0, x1, y1, (key) =>
      (this.#cells.get(key) ?? []).some((box) => x0 < box.x1 && x1 > box.x0 && y0 < box.y1 && y1 > box.y0)
    );
  }

  #visit(x0: number, y0: number, x1: number, y1: number, visit: (key: number) => boolean): boolean {
    for (let row = Math.floor(y0 / this.#size); row <= Math.floor(y1 / this.#size); row++) {
      for (let column = Math.floor(x0 / this.#size); column <= Math.floor(x1 / this.#size); column++) {
        if (visit(cellKey(column, row))) return true;
      }
    }
    return false;
  }
}

export function cellKey(column: number, row: number): number {
  return (column + 32_768) * 65_536 + (row + 32_768);
}
