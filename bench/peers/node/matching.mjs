// Who waits for a stranger: in memory, or in Redis where several processes match.

const IN_REDIS = `
local other = redis.call('LPOP', KEYS[1])
if other == ARGV[1] then other = redis.call('LPOP', KEYS[1]) end
if other then return other end
redis.call('RPUSH', KEYS[1], ARGV[1])
return false`;

export class Waiting {
  #first = null;

  /** A stranger for this user, or null: then the user waits. */
  async pair(user) {
    const other = this.#first;
    if (other === null || other === user) {
      this.#first = user;
      return null;
    }
    this.#first = null;
    return other;
  }
}

export class WaitingInRedis {
  constructor(redis, prefix) {
    this.redis = redis;
    this.key = `${prefix}waiting`;
    redis.defineCommand('pairWith', { numberOfKeys: 1, lua: IN_REDIS });
  }

  async pair(user) {
    return this.redis.pairWith(this.key, user);
  }
}
