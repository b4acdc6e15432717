import { CliError } from './errors.ts';

/** A request to a service of ours. @throws CliError NOT_RUNNING where nobody answers */
export async function request(url: string | URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    const { host } = new URL(url);
    throw new CliError('NOT_RUNNING', `${host} does not answer; stop the instance and start it again`, { cause });
  }
}
