// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { PASSPHRASE_VARIABLE } from '../../chain/index.ts'
import {
  type Control,
  type LabelledInputs,
  LearningError,
  type TrainingProgress,
  unpackError,
} from '../../learning/index.ts'
import { CONFIG_FILE, type KeeperConfig } from '../config.ts'
import { type TrainingConfig, trainerCommandOf } from '../data-config.ts'
import { AgentError } from '../errors.ts'
import { accessFor, type NoteJob } from '../workers.ts'
import type { ModelScore, RoundAt, ShardSummary, ThreadReply, ThreadRequest, TrainOutcome } from './protocol.ts'

type Waiting = {
  resolve: (result: never) => void
  reject: (error: Error) => void
  onProgress: ((progress: TrainingProgress) => void) | undefined
}
type Job = Exclude<ThreadRequest, { kind: 'cancel' }>
/** `Omit` over each member of the union. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

/** Limit of the thread's young generation. Samples and weights are typed arrays outside of it, and without a limit V8 lets it grow to 48 MiB. */
const YOUNG_MIB = 8

/** /proc shows a process's initial environment for as long as it runs, and the process cannot remove it. */
const BARED =
  `training.limits.processes: shared lets the trainer read ${PASSPHRASE_VARIABLE} from the keeper's environment: ` +
  'unset it and give keys.passphraseFile, or leave processes at own'

/** @throws AgentError CONFIG */
function readStart(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new AgentError(
      'CONFIG',
      `${CONFIG_FILE}: service.weights: cannot read ${file} (${(cause as NodeJS.ErrnoException).code}): ` +
        'the manifest starts from its weights; `cohort keeper manifest` fetches them',
      { cause },
    )
  }
}

/** The keeper's side of its training thread. Weights go in and come out; samples stay in the thread. */
export class Trainer {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #failure: AgentError | null = null
  #summary: ShardSummary | null = null
  readonly #note: NoteJob

  private constructor(note: NoteJob) {
    this.#note = note
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      name: 'training',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    })
    this.#worker.on('message', (reply: ThreadReply) => this.#onReply(reply))
    this.#worker.on('error', (cause) =>
      this.#fail(new AgentError('WORKER', `training thread: ${cause.message}`, { cause })),
    )
    this.#worker.on('exit', (code) =>
      this.#fail(new AgentError('WORKER', `the training thread ended with code ${code}`)),
    )
  }

  /** Starts the thread and loads the shard. @throws AgentError DATA when the data cannot be used, CONFIG for training.command. */
  static async start(
    config: Pick<KeeperConfig, 'data' | 'service' | 'training' | 'folder'> & {
      readonly workers?: KeeperConfig['workers']
    },
    signal?: AbortSignal,
    note: NoteJob = () => undefined,
  ): Promise<Trainer> {
    const trainer = new Trainer(note)
    try {
      const { manifest, weightsFile } = config.service
      const start = manifest.model.weights === undefined ? null : readStart(weightsFile)
      const command = trainerCommandOf(config)
      if (command?.limits.processes === 'shared' && process.env[PASSPHRASE_VARIABLE] !== undefined) {
        throw new AgentError('CONFIG', `${CONFIG_FILE}: ${BARED}`)
      }
      const shared = command === null && config.training.workers > 1
      const farm = shared ? accessFor('gradients', { workers: config.workers }) : null
      trainer.#summary = await trainer.#ask<ShardSummary>(
        { kind: 'open', manifest, start, data: config.data, command, farm },
        signal,
      )
      return trainer
    } catch (error) {
      await trainer.stop()
      signal?.throwIfAborted()
      if (error instanceof AgentError) throw error
      if (error instanceof LearningError && error.code === 'NO_TRAINER') {
        throw new AgentError('CONFIG', `${CONFIG_FILE}: training.${error.message}`, { cause: error })
      }
      if (error instanceof Error && 'code' in error && error.code === 'WRONG_START') {
        throw new AgentError('CONFIG', `${CONFIG_FILE}: service.weights: ${error.message}`, { cause: error })
      }
      throw new AgentError('DATA', `data: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }

  get shard(): ShardSummary {
    return this.#summary!
  }

  /** Trains from `weights`; the seed follows from the round, so a repeat after a crash gives the same update. */
  train(
    weights: Float32Array,
    at: RoundAt,
    training: TrainingConfig,
    options: {
      signal?: AbortSignal
      onProgress?: (progress: TrainingProgress) => void
      /** The strategy's state, for a trainer that is a program. */
      state?: readonly Float32Array[]
      /** Also report the loss before training. */
      judge?: boolean
      /** Control variates to correct gradients by. */
      control?: Control | null
      /** Labelled inputs to train on as well. */
      labelled?: LabelledInputs | null
    } = {},
  ): Promise<TrainOutcome> {
    const { signal, onProgress, state = [], judge = false, control = null, labelled = null } = options
    return this.#ask({ kind: 'train', weights, at, training, state, judge, control, labelled }, signal, onProgress)
  }

  evaluate(weights: Float32Array, signal?: AbortSignal): Promise<ModelScore> {
    return this.#ask({ kind: 'evaluate', weights }, signal)
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners('exit')
    this.#fail(new AgentError('WORKER', 'the training thread is stopping'))
    await this.#worker.terminate()
  }

  async #ask<T extends ShardSummary | TrainOutcome | ModelScore>(
    job: WithoutId<Job>,
    signal?: AbortSignal,
    onProgress?: (progress: TrainingProgress) => void,
  ): Promise<T> {
    signal?.throwIfAborted()
    if (this.#failure) throw this.#failure
    const id = this.#nextId++
    const cancel = (): void => this.#worker.postMessage({ id: 0, kind: 'cancel', target: id } satisfies ThreadRequest)
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject, onProgress })
        signal?.addEventListener('abort', cancel, { once: true })
        this.#worker.postMessage({ ...job, id })
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      this.#waiting.delete(id)
      signal?.removeEventListener('abort', cancel)
    }
  }

  #onReply(reply: ThreadReply): void {
    if (reply.kind === 'job') {
      this.#note(reply.event, reply.traffic)
      return
    }
    const waiting = this.#waiting.get(reply.id)
    if (!waiting) return
    if (reply.kind === 'progress') waiting.onProgress?.(reply.progress)
    else if (reply.kind === 'done') waiting.resolve(reply.result as never)
    else waiting.reject(unpackError(reply.error))
  }

  #fail(error: AgentError): void {
    this.#failure ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
