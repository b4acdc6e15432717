export const roles = ['read', 'write', 'admin'] as const;
export type Role = (typeof roles)[number];
