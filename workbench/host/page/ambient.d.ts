/** Files that npm's `exports` hide; workbench/host/pageBuild.ts finds them. Named only in internals.*.ts. */
declare module 'grafana-internal:*';
declare module '*.css';
declare module 'systemjs/dist/system.js';
declare module 'systemjs/dist/extras/amd.js';
declare module 'systemjs/dist/extras/named-register.js';
