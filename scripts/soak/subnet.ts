// SPDX-License-Identifier: GPL-3.0-or-later
// A network for one run: each keeper is in a network namespace, and all of them and this process are on one bridge. The namespace's own filter drops
// packets, so that a partition is a real one and not a closed port.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const ip = (...args: string[]): void => run('ip', args)

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export class Subnet implements Disposable {
  /** Addresses of this process on the bridge: each is one host to a keeper, as two providers are. */
  readonly gateways: readonly [string, string]
  readonly #bridge: string
  readonly #prefix: string
  readonly #keepers: number
  readonly #onExit = (): void => this[Symbol.dispose]()

  private constructor(keepers: number) {
    // A name of an interface has at most 15 characters.
    this.#bridge = `soak${process.pid}`
    this.#prefix = `10.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}`
    this.gateways = [`${this.#prefix}.1`, `${this.#prefix}.2`]
    this.#keepers = keepers
  }

  /** @throws Error where the machine permits no network namespaces: they take root, `ip` and `iptables`. */
  static open(keepers: number): Subnet {
    sweep()
    const subnet = new Subnet(keepers)
    process.on('exit', subnet.#onExit)
    try {
      subnet.#make()
      return subnet
    } catch (cause) {
      subnet[Symbol.dispose]()
      const reason = String((cause as { stderr?: Buffer }).stderr ?? (cause as Error).message).trim()
      throw new Error(`no network namespaces here: ${reason.split('\n')[0]}`, { cause })
    }
  }

  #make(): void {
    ip('link', 'add', this.#bridge, 'type', 'bridge')
    for (const gateway of this.gateways) ip('address', 'add', `${gateway}/24`, 'dev', this.#bridge)
    ip('link', 'set', this.#bridge, 'up')
    for (let keeper = 0; keeper < this.#keepers; keeper++) {
      const space = this.#space(keeper)
      const end = `sk${process.pid}v${keeper}`
      ip('netns', 'add', space)
      ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
      ip('link', 'set', end, 'master', this.#bridge, 'up')
      ip('-n', space, 'link', 'set', 'lo', 'up')
      ip('-n', space, 'address', 'add', `${this.addressOf(keeper)}/24`, 'dev', 'eth0')
      ip('-n', space, 'link', 'set', 'eth0', 'up')
      this.heal(keeper)
    }
  }

  #space(keeper: number): string {
    return `${this.#bridge}-${keeper}`
  }

  addressOf(keeper: number): string {
    return `${this.#prefix}.${10 + keeper}`
  }

  /** The words that go before a command to run it in this keeper's namespace. */
  enter(keeper: number): string[] {
    return ['ip', 'netns', 'exec', this.#space(keeper)]
  }

  /** No packet passes between a keeper and these others. */
  cut(keeper: number, others: readonly number[]): void {
    for (const other of others) {
      this.#filter(keeper, '-A', 'INPUT', '-s', this.addressOf(other), '-j', 'DROP')
      this.#filter(keeper, '-A', 'OUTPUT', '-d', this.addressOf(other), '-j', 'DROP')
    }
  }

  /** A keeper loses that part of the packets that come and of those that go. */
  lose(keeper: number, part: number): void {
    const random = ['-m', 'statistic', '--mode', 'random', '--probability', part.toFixed(3), '-j', 'DROP']
    for (const chain of ['INPUT', 'OUTPUT']) this.#filter(keeper, '-A', chain, ...random)
  }

  heal(keeper: number): void {
    this.#filter(keeper, '-F')
  }

  #filter(keeper: number, ...args: string[]): void {
    const [program, ...before] = this.enter(keeper) as [string, ...string[]]
    run(program, [...before, 'iptables', ...args])
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#onExit)
    for (let keeper = 0; keeper < this.#keepers; keeper++) gone('netns', 'delete', this.#space(keeper))
    gone('link', 'delete', this.#bridge)
  }
}

function gone(...args: string[]): void {
  try {
    ip(...args)
  } catch {
    // What is not there needs no end.
  }
}

/** Removes what runs that were ended by `kill -9` left behind, recognised by the process id in the names. */
function sweep(): void {
  const left = (folder: string, pattern: RegExp): string[] =>
    (existsSync(folder) ? readdirSync(folder) : []).filter((name) => {
      const pid = pattern.exec(name)?.[1]
      return pid !== undefined && !existsSync(`/proc/${pid}`)
    })
  for (const space of left('/run/netns', /^soak(\d+)-\d+$/)) gone('netns', 'delete', space)
  for (const bridge of left('/sys/class/net', /^soak(\d+)$/)) gone('link', 'delete', bridge)
}
