import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EngineLimits {
  /** Memory one statement may take, bytes. */
  readonly maxMemoryBytes: number;
  /** Memory of the whole engine, bytes. */
  readonly maxServerMemoryBytes: number;
}

/**
 * The engine's own access rules, below the guard: its one user has no right to any source outside (file, URL, remote,
 * S3, …), to SYSTEM or to BACKUP. Two things no grant covers are left to the guard alone: the scalar function `file`
 * and `INTO OUTFILE`.
 * @returns arguments for the engine
 */
export function writeServerConfig(root: string, limits: EngineLimits): string[] {
  const folder = join(root, 'config');
  const userFiles = join(root, 'user_files');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(userFiles, { recursive: true, mode: 0o700 });
  const usersFile = join(folder, 'users.xml');
  const configFile = join(folder, 'config.xml');
  writeFileSync(usersFile, usersXml(limits), { mode: 0o600 });
  writeFileSync(
    configFile,
    `<clickhouse>
  <users_config>${escapeXml(usersFile)}</users_config>
  <user_files_path>${escapeXml(userFiles)}/</user_files_path>
  <max_server_memory_usage>${limits.maxServerMemoryBytes}</max_server_memory_usage>
  <mark_cache_size>268435456</mark_cache_size>
  <index_mark_cache_size>67108864</index_mark_cache_size>
</clickhouse>
`,
    { mode: 0o600 }
  );
  return [`--config-file=${configFile}`];
}

function usersXml(limits: EngineLimits): string {
  return `<clickhouse>
  <profiles>
    <default>
      <max_query_size>16777216</max_query_size>
      <max_memory_usage>${limits.maxMemoryBytes}</max_memory_usage>
      <constraints>
        <readonly><const/></readonly>
        <dialect><const/></dialect>
        <allow_ddl><const/></allow_ddl>
        <max_query_size><const/></max_query_size>
        <max_memory_usage><min>1</min><max>${limits.maxMemoryBytes}</max></max_memory_usage>
      </constraints>
    </default>
  </profiles>
  <users>
    <default>
      <password></password>
      <profile>default</profile>
      <quota>default</quota>
      <networks><ip>::/0</ip></networks>
      <grants>
        <query>GRANT SHOW, SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, CHECK, KILL QUERY ON *.*</query>
        <query>GRANT TABLE ENGINE ON *</query>
      </grants>
    </default>
  </users>
  <quotas><default></default></quotas>
</clickhouse>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
