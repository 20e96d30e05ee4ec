// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a simulation off the page's main thread: the rounds here, the keepers in threads that the learning library starts.
import { expose } from 'comlink'
import { config } from 'zod'
import { toSettings } from '../../../keepers/cli/simulate-settings.ts'
import {
  liveSettings,
  modelSpec,
  parseSimulationConfig,
  type RoundRecord,
  roundsCsv,
  simulate,
} from '../../../keepers/learning/index.ts'
import { type Choices, memoryOf, requireMemory } from './choices.ts'
import { digits, type Table, tableSamples } from './samples.ts'

// As in main.tsx: no `new Function`.
config({ jitless: true })

export type Order = {
  readonly choices: Choices
  /** Of the visitor's own; null for digits. */
  readonly table: Table | null
  /** What the browser says of the device, in GiB. */
  readonly deviceMemory: number | undefined
}

export type Finished = {
  readonly samples: string
  readonly parameters: number
  /** Samples of each class, of each keeper. */
  readonly histograms: readonly (readonly number[])[]
  readonly classNames: readonly string[]
  /** What a live service does otherwise. */
  readonly without: readonly string[]
  /** The rounds, as the command's rounds.csv. */
  readonly csv: string
}

export type Listener = {
  round(record: RoundRecord): void
  member(round: number, done: number, members: number): void
}

/** Threads that the memory guard counts with; the library starts no more in a page. */
const THREADS = 4
/** Milliseconds between two notes of progress: each costs the page a turn. */
const NOTE_EVERY = 100

let stopping: AbortController | null = null

const api = {
  /** @throws LearningError, ChoiceError, or the reason of `cancel` */
  async run({ choices, table, deviceMemory }: Order, listener: Listener): Promise<Finished> {
    stopping?.abort(new Error('another simulation was started'))
    const mine = new AbortController()
    stopping = mine
    const settings = parseSimulationConfig(toSettings(choices))
    const data = table === null ? digits(choices.limit) : tableSamples(table, choices.seed, deviceMemory)
    const { inputShape, classes, classNames } = data.train
    const spec = modelSpec(choices.model, { inputShape, classes })
    const sampleBytes = data.train.inputs.byteLength + data.test.inputs.byteLength
    const need = { sampleBytes, threads: THREADS, keepers: choices.keepers, parameters: spec.parameterCount }
    requireMemory(memoryOf(need), deviceMemory)
    let noted = 0
    const { records, histograms } = await simulate({
      ...{ spec, data, settings, signal: mine.signal },
      onMember: (round, done, members) => {
        if (performance.now() - noted < NOTE_EVERY) return
        noted = performance.now()
        listener.member(round, done, members)
      },
      onRound: (record) => listener.round(record),
    })
    return {
      samples: `${data.train.name}: ${data.train.count} samples to train on, ${data.test.count} to judge on`,
      parameters: spec.parameterCount,
      histograms: histograms.map((counts) => [...counts]),
      classNames: classNames ?? Array.from({ length: classes }, (_, i) => String(i)),
      without: liveSettings(settings).without,
      csv: roundsCsv(records),
    }
  },
  cancel(): void {
    stopping?.abort(new Error('cancelled'))
  },
}

export type SimulationWorker = typeof api

expose(api)
