// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy's module in a process of its own: one that takes all memory, or never returns, ends that process and no keeper.
// It has none of the keeper's rights either, should it get out of its context: it reads no file but this code, writes none, starts no program;
// and where the kernel has namespaces for it, it has no network, and neither sees nor signals another process.
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import process from 'node:process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { serialize } from 'node:v8'
import { LearningError } from '../errors.ts'
import { isolation } from '../external/isolation.ts'
import type { ParameterSpec } from '../types.ts'
import { decodeReply, lengthOf, mostReplyBytes, type StrategyAnswer, type StrategyFacts } from './confined-reply.ts'
import type { StrategyModule, StrategyRound, StrategyState, StrategyTerms } from './module.ts'

/** A strategy that members agreed on, as a keeper uses it: in its own process, or in another one. */
export type KeeperStrategy = Pick<StrategyModule, 'terms' | 'vectors' | 'home' | 'localRate' | 'weighs' | 'initial'> & {
  step(before: StrategyState, mean: Float64Array, round: StrategyRound): StrategyState | Promise<StrategyState>
  weight(samples: number, loss: number, maxSamples: number): number | Promise<number>
}

/** Of one call, the start of the process included. */
type StrategyLimits = { readonly milliseconds: number; readonly mebibytes: number }

type Task =
  | { readonly kind: 'open' }
  | { readonly kind: 'step'; readonly args: Parameters<StrategyModule['step']> }
  | { readonly kind: 'weight'; readonly args: Parameters<StrategyModule['weight']> }

/** To the process. */
export type StrategyRequest = {
  readonly source: Uint8Array
  readonly terms: StrategyTerms
  readonly parameters: readonly ParameterSpec[]
  readonly where: string
  readonly task: Task
  readonly mebibytes: number
  /** Id of its parent as the process sees it: it ends when it has another one, because the keeper is gone. */
  readonly parent: number
}

const CALL_MS = 120_000
/** Of the process itself and a module's own data. */
const BASE_MIB = 512
/** For each parameter: mean, weights and vectors, a copy of them at each end of the pipe, and as much again. */
const PARAMETER_BYTES = 256
const MIB = 2 ** 20

/**
 * Signals that service managers and terminals send to all processes of a keeper to stop it. Like a lack of room for a process, the module
 * has not caused this. A keeper that blamed the module would give up the round, and its journal would still say so after the restart.
 */
const FROM_OUTSIDE: ReadonlySet<NodeJS.Signals> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP'])
/** What a shell adds to the number of the signal that ended its command. */
const SHELL_SIGNAL = 128

export class ConfinedStrategy implements KeeperStrategy {
  readonly terms: StrategyTerms
  readonly vectors: number
  readonly home: readonly string[]
  readonly localRate: number | null
  readonly weighs: boolean
  readonly #request: Omit<StrategyRequest, 'task' | 'parent'>
  readonly #limits: StrategyLimits
  readonly #length: number

  private constructor(request: Omit<StrategyRequest, 'task' | 'parent'>, limits: StrategyLimits, facts: StrategyFacts) {
    this.terms = request.terms
    this.vectors = facts.vectors
    this.home = facts.home
    this.localRate = facts.localRate
    this.weighs = facts.weighs
    this.#request = request
    this.#limits = limits
    this.#length = lengthOf(request.parameters)
  }

  /**
   * Opens the module once, to check that it runs and to read its declarations. A process is started for that, and for each call.
   * @param limits by default two minutes, and 512 MiB with 256 bytes for each parameter
   * @throws LearningError BAD_STRATEGY as StrategyModule does, and for a module that goes beyond the limits; another Error when the process
   *   does not start, or somebody else ends it: then the same call may succeed
   */
  static async open(
    source: Uint8Array,
    terms: StrategyTerms,
    parameters: readonly ParameterSpec[],
    where: string,
    limits: Partial<StrategyLimits> = {},
  ): Promise<ConfinedStrategy> {
    const mebibytes = limits.mebibytes ?? BASE_MIB + Math.ceil((lengthOf(parameters) * PARAMETER_BYTES) / MIB)
    const bounds = { milliseconds: limits.milliseconds ?? CALL_MS, mebibytes }
    const request = { source, terms, parameters, where, mebibytes }
    const facts = await ask<StrategyFacts>({ ...request, task: { kind: 'open' } }, bounds)
    return new ConfinedStrategy(request, bounds, facts)
  }

  initial(): Float32Array[] {
    return Array.from({ length: this.vectors }, () => new Float32Array(this.#length))
  }

  step(...args: Parameters<StrategyModule['step']>): Promise<StrategyState> {
    return ask({ ...this.#request, task: { kind: 'step', args } }, this.#limits)
  }

  weight(...args: Parameters<StrategyModule['weight']>): Promise<number> {
    return ask({ ...this.#request, task: { kind: 'weight', args } }, this.#limits)
  }
}

/** Where `unshare` and its like are; the process has no other variable. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Words that run a program, and the id that its parent then has for it. */
type Confinement = { readonly execPath: string; readonly execArgv: readonly string[]; readonly parent: number }

/**
 * The program and the arguments that start a process with hardly any rights. Node's permissions say nothing about the network, nor about
 * signals: both are the kernel's to deny, by a network namespace without interfaces and a namespace of processes in which there is no
 * other. Where it gives but one of the two, the network is what is denied: whoever has it can send away what the module sees.
 * @param mebibytes bound of V8's heap
 */
export function confinement(mebibytes: number): Confinement {
  const flags = [
    // That threads are allowed: one watches the memory. It has the same rights.
    ...['--disable-warning=ExperimentalWarning', '--disable-warning=PERM0006', `--max-old-space-size=${mebibytes}`],
    ...['--permission', '--allow-worker', ...readable().map((folder) => `--allow-fs-read=${folder}/*`)],
  ]
  const alone = isolation({ network: 'none', processes: 'own' })
  const offline = alone ?? isolation({ network: 'none', processes: 'shared' })
  const unseen = alone ?? (offline === null ? isolation({ network: 'allowed', processes: 'own' }) : null)
  // Signals without a handler have no effect on the first process of a namespace, not even its own. So a shell is that process.
  const shell = unseen === null ? [] : ['sh', '-c', '"$@"; exit $?', 'sh']
  const [program, ...words] = [...(unseen ?? offline ?? []), ...shell, process.execPath]
  return { execPath: program!, execArgv: [...words, ...flags], parent: unseen === null ? process.pid : 1 }
}

/** The folders of the code that the process runs. */
function readable(): string[] {
  const zod = findPackageJSON('zod', import.meta.url)
  const folders = [fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, ''), ...(zod ? [dirname(zod)] : [])]
  return [...new Set(folders.flatMap((folder) => [folder, realpathSync(folder)]))]
}

/** Descriptor that the process writes its answer to. */
export const REPLY = 3
const WORKER = fileURLToPath(new URL('./confined.worker.ts', import.meta.url))

async function ask<T extends StrategyAnswer>(
  request: Omit<StrategyRequest, 'parent'>,
  limits: StrategyLimits,
): Promise<T> {
  return (await answerOf(request, limits)) as T
}

/**
 * Starts the process, and reads its answer.
 * @param program what Node runs in it; tests have it run what a module does that got out
 */
export async function answerOf(
  order: Omit<StrategyRequest, 'parent'>,
  limits: StrategyLimits,
  program: readonly string[] = [WORKER],
): Promise<StrategyAnswer> {
  const { execPath, execArgv, parent } = confinement(limits.mebibytes)
  const request = { ...order, parent }
  const child = spawn(execPath, [...execArgv, ...program], {
    // Nothing of the keeper's: neither its environment, which may hold a passphrase, nor its flags.
    env: { PATH },
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
  try {
    return await replyOf(child, request, limits)
  } finally {
    child.kill('SIGKILL')
    for (const stream of child.stdio) stream?.destroy()
  }
}

function replyOf(child: ChildProcess, request: StrategyRequest, limits: StrategyLimits): Promise<StrategyAnswer> {
  const { where, task, parameters } = request
  const { milliseconds, mebibytes } = limits
  const refusal = (why: string) => new LearningError('BAD_STRATEGY', `${where}: ${task.kind}: ${why}`)
  const most = mostReplyBytes(parameters)
  const parts: Buffer[] = []
  let size = 0
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_096)
  })
  return new Promise<StrategyAnswer>((resolve, reject) => {
    const late = setTimeout(
      () => reject(refusal(`it has not returned after ${milliseconds / 1000} s; no keeper waits longer`)),
      milliseconds,
    )
    const answer = child.stdio[REPLY] as Readable
    answer.on('data', (part: Buffer) => {
      size += part.length
      if (size <= most) parts.push(part)
      else reject(refusal(`it answers with more than ${most} bytes`))
    })
    child.once('error', (cause) => {
      clearTimeout(late)
      reject(new Error(`${where}: its process does not start: ${cause.message}`, { cause }))
    })
    // When its output has been read to the end, too.
    child.once('close', (code, killer) => {
      clearTimeout(late)
      const signal = killer ?? signalOf(code)
      if (signal !== null && FROM_OUTSIDE.has(signal)) {
        return reject(new Error(`${where}: ${task.kind}: its process was ended by somebody else (${signal})`))
      }
      if (code === 0 && size > 0) {
        try {
          return resolve(answerIn(Buffer.concat(parts), request))
        } catch (error) {
          return reject(error instanceof LearningError ? error : refusal((error as Error).message))
        }
      }
      const memory = said.includes(TOO_MUCH_MEMORY) || /out of memory/i.test(said)
      reject(
        refusal(memory ? `it takes more than ${mebibytes} MiB of memory` : `its process ended with ${signal ?? code}`),
      )
    })
    // A process that ended has not read all of it: `close` says why it did.
    for (const stream of [child.stdin!, child.stderr!, answer]) stream.on('error', () => undefined)
    child.stdin!.end(serialize(request))
  })
}

/** The signal that a shell's exit code is about, or null. */
function signalOf(code: number | null): NodeJS.Signals | null {
  const number = (code ?? 0) - SHELL_SIGNAL
  const found = Object.entries(constants.signals).find(([, value]) => value === number)
  return (found?.[0] ?? null) as NodeJS.Signals | null
}

/** The answer, if it is one to this task. @throws Error */
function answerIn(bytes: Buffer, { task, parameters }: StrategyRequest): StrategyAnswer {
  const answer = decodeReply(bytes, parameters)
  if (typeof answer === 'number') {
    const most = task.kind === 'weight' ? Math.max(task.args[0], task.args[2]) : 0
    if (answer <= most) return answer
  } else if (('weights' in answer ? 'step' : 'open') === task.kind) return answer
  throw new Error('its answer is to another question')
}

/** The process's last message before it ends itself. */
export const TOO_MUCH_MEMORY = 'cohort: too much memory'
