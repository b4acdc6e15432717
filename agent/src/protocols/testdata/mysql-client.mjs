// Prepared statements, several results, an error, a large answer; compressed where COMPRESS is set.
import { createRequire } from 'node:module';
const mysql = createRequire(process.env.NODE_PATH + '/')('mysql2/promise');

const connection = await mysql.createConnection({
  host: '127.0.0.1',
  user: 'shop',
  password: 'secret',
  database: 'shop',
  multipleStatements: true,
  compress: process.env.COMPRESS !== undefined,
});
await connection.execute('select name from orders where id = ?', [2]);
await connection.execute('select name from orders where id = ?', [1]);
await connection.query("select 1; select id from orders where name = 'first'; set @a = 1");
await connection.query('select * from absent').catch(() => {});
await connection.query("select repeat('y', 9000) from orders");
await connection.query('insert into orders values (3, ?)', ['third']);
await connection.ping();
await connection.changeUser({ user: 'shop', password: 'secret', database: 'shop' });
await connection.query('select count(*) from orders');
await connection.end();
