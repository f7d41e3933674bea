// Node's ioredis as it comes: a purchase, its repetition, a pipeline, a refusal, a reconnection. Prints one line of JSON for each step.
const Redis = require('ioredis');

const [port, user, key, sale] = process.argv.slice(2);
const say = (step, value) => console.log(JSON.stringify({ step, value }));
const uuid = () => require('crypto').randomUUID();

(async () => {
  const redis = new Redis({ host: '127.0.0.1', port: +port, username: user, password: key, connectionName: 'ioredis', maxRetriesPerRequest: 2 });
  redis.on('error', error => say('error', error.message));
  say('ping', await redis.ping());
  const id = uuid();
  const first = await redis.call('BUY', sale, id, 'ann', 'floor', 2);
  say('bought', first);
  say('again', JSON.stringify(await redis.call('BUY', sale, id, 'ann', 'floor', 2)) === JSON.stringify(first));
  const pipeline = redis.pipeline();
  for (let i = 0; i < 100; i++) pipeline.call('BUY', sale, uuid(), `buyer-${i}`, 'floor', 1);
  const all = await pipeline.exec();
  say('pipeline', all.every(([error]) => !error) && all.every(([, reply], i) => reply[3] === all[0][1][3] + i));
  say('refused', await redis.call('BUY', sale, uuid(), 'ann', 'floor', 99).then(() => 'no', error => error.message.split(' ')[0]));
  redis.disconnect(true);
  say('reconnected', (await redis.call('ORDER', sale, id))[0]);
  say('available', await redis.call('AVAILABLE', sale, 'floor'));
  await redis.quit();
})().catch(error => { say('failed', error.stack); process.exit(1); });
