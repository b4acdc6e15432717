/** As `executable` in the data source's plugin.json. */
export const BACKEND_EXECUTABLE = 'gpx_throughline';

/** The oldest Node that runs the backend's script, where the host brings its own. */
export const OLDEST_NODE = 20;

export interface Platform {
  /** As Go names them, and Grafana after it. */
  readonly goArch: 'amd64' | 'arm64';
  /** As Node's packages on npm name it. */
  readonly nodeArch: 'x64' | 'arm64';
}

const LOADER = { amd64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' } as const;

const HINT =
  `Throughline's backend needs glibc or Node.js ${OLDEST_NODE} or later, and this system has neither. ` +
  'In an Alpine image: apk add --no-cache nodejs (deploy/grafana.Dockerfile does that). ' +
  `Otherwise use Grafana's image whose tag ends in -ubuntu, or put node at /usr/bin/node or /usr/local/bin/node`;

/**
 * What Grafana starts. Official images are Alpine, where an executable linked to glibc does not run, and both kinds
 * share the name of the platform: so a POSIX shell script decides. Grafana starts it with an empty environment, without
 * PATH. Its stdout is the plugin protocol's; stderr takes hclog's JSON lines.
 */
export function backendLauncher({ goArch }: Pick<Platform, 'goArch'>): string {
  return `#!/bin/sh
folder=\${0%/*}
# Alpine can have glibc's loader too (gcompat), but not enough of glibc for Node.
if [ -e ${LOADER[goArch]} ] && [ ! -e /etc/alpine-release ] && [ -x "$folder/${BACKEND_EXECUTABLE}_linux_${goArch}_glibc" ]; then
  exec "$folder/${BACKEND_EXECUTABLE}_linux_${goArch}_glibc" "$@"
fi
for node in /usr/bin/node /usr/local/bin/node; do
  if [ -x "$node" ] && "$node" -e 'process.exit(parseInt(process.versions.node) >= ${OLDEST_NODE} ? 0 : 1)' 2>/dev/null; then
    exec "$node" "$folder/${BACKEND_EXECUTABLE}.cjs" "$@"
  fi
done
for date in /bin/date /usr/bin/date; do
  [ -x "$date" ] && now=$("$date" -u +%Y-%m-%dT%H:%M:%S.000000Z) && break
done
printf '{"@level":"error","@message":"%s","@module":"throughline-datasource","@timestamp":"%s"}\\n' "${HINT}" "\${now:-1970-01-01T00:00:00.000000Z}" >&2
exit 1
`;
}
