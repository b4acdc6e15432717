import { AppEvents, type EventBus } from '@grafana/data';
import { type BackendSrvRequest, type FetchError, type FetchResponse } from '@grafana/runtime';
import { filter, from, lastValueFrom, Observable, Subject, takeUntil, throwIfEmpty } from 'rxjs';

/**
 * Grafana's BackendSrv as far as plugins use it: requests to this host by fetch, answers as FetchResponse, failures as
 * FetchError, and a newer request with the same requestId cancels the older one.
 */
export class WorkbenchBackendSrv {
  readonly #started = new Subject<string>();
  readonly #events: EventBus;

  constructor(events: EventBus) {
    this.#events = events;
  }

  fetch<T>(options: BackendSrvRequest): Observable<FetchResponse<T>> {
    const { requestId } = options;
    if (requestId) this.#started.next(requestId);
    // Aborts the request when nobody listens any more.
    const answer = new Observable<FetchResponse<T>>((subscriber) => {
      const abort = new AbortController();
      const subscription = from(this.#send<T>(options, abort.signal)).subscribe(subscriber);
      return () => {
        subscription.unsubscribe();
        abort.abort();
      };
    });
    if (!requestId) return answer;
    const cancelled: FetchError = { status: -1, statusText: 'Cancelled', data: null, config: options, cancelled: true };
    return answer.pipe(
      takeUntil(this.#started.pipe(filter((id) => id === requestId))),
      throwIfEmpty(() => cancelled)
    );
  }

  resolveCancelerIfExists(requestId: string): void {
    this.#started.next(requestId);
  }

  async request<T>(options: BackendSrvRequest): Promise<T> {
    return (await lastValueFrom(this.fetch<T>(options))).data;
  }

  datasourceRequest<T>(options: BackendSrvRequest): Promise<FetchResponse<T>> {
    return lastValueFrom(this.fetch<T>(options));
  }

  get<T>(url: string, params?: BackendSrvRequest['params'], requestId?: string, options?: Partial<BackendSrvRequest>) {
    return this.request<T>({ ...options, method: 'GET', url, params, requestId });
  }

  post<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>) {
    return this.request<T>({ ...options, method: 'POST', url, data });
  }

  put<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>) {
    return this.request<T>({ ...options, method: 'PUT', url, data });
  }

  patch<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>) {
    return this.request<T>({ ...options, method: 'PATCH', url, data });
  }

  delete<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>) {
    return this.request<T>({ ...options, method: 'DELETE', url, data });
  }

  async #send<T>(options: BackendSrvRequest, signal: AbortSignal | undefined): Promise<FetchResponse<T>> {
    const { method = 'GET', data, headers = {}, responseType, showErrorAlert = true } = options;
    const url = new URL(options.url, `${location.origin}/`);
    for (const [key, value] of Object.entries((options.params ?? {}) as Record<string, unknown>)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined && each !== null) url.searchParams.append(key, String(each));
      }
    }
    const hasBody = data !== undefined && data !== null;
    const isRaw = typeof data === 'string' || data instanceof Blob || data instanceof FormData;
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        signal: options.abortSignal ?? signal ?? null,
        headers: {
          Accept: 'application/json, text/plain, */*',
          ...(hasBody && !isRaw && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        body: hasBody ? (isRaw ? data : JSON.stringify(data)) : null,
      });
    } catch (error) {
      // The browser ends every request of a page that is left: nobody is there to be told.
      if (isLeaving) return new Promise(() => {});
      const isCancelled = error instanceof DOMException && error.name === 'AbortError';
      throw this.#failure(options, undefined, { message: (error as Error).message }, isCancelled, showErrorAlert);
    }
    const body = await readBody(response, responseType);
    if (!response.ok) {
      const details = typeof body === 'string' ? { message: body } : body;
      throw this.#failure(options, response, details, false, showErrorAlert);
    }
    return { ...describe(response, options), data: body as T };
  }

  #failure(
    config: BackendSrvRequest,
    response: Response | undefined,
    data: unknown,
    cancelled: boolean,
    showAlert: boolean
  ): FetchError {
    const failure: FetchError = {
      status: response?.status ?? 0,
      statusText: response?.statusText ?? 'Request failed',
      data,
      config,
      cancelled,
      isHandled: false,
    };
    const isQuery = config.url.includes('/api/ds/query') || (config.method ?? 'GET') === 'GET';
    if (showAlert && !cancelled && !isQuery) {
      const { message } = data as { message?: string };
      this.#events.publish({ type: AppEvents.alertError.name, payload: [failure.statusText ?? 'Failed', message] });
    }
    return failure;
  }
}

let isLeaving = false;
for (const event of ['beforeunload', 'pagehide']) addEventListener(event, () => (isLeaving = true));

async function readBody(response: Response, type: BackendSrvRequest['responseType']): Promise<unknown> {
  if (type === 'arraybuffer') return response.arrayBuffer();
  if (type === 'blob') return response.blob();
  const text = await response.text();
  if (type === 'text') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function describe(response: Response, config: BackendSrvRequest) {
  const { status, statusText, ok, headers, redirected, type, url } = response;
  return { status, statusText, ok, headers, redirected, type, url, config };
}
