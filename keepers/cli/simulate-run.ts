// SPDX-License-Identifier: GPL-3.0-or-later
// One simulation from the command line: progress on a terminal, files after every round.
import { join } from 'node:path'
import type {
  Dataset,
  LiveSettings,
  ModelSpec,
  RoundRecord,
  SimulationConfig,
  SimulationState,
  StrategyModule,
} from '../learning/index.ts'
import { bar, type ProgressLine, replaceFile } from './learning-options.ts'

export const STATE_FILE = 'state.bin'

export type Simulation = {
  readonly title: string
  readonly spec: ModelSpec
  readonly config: SimulationConfig
  readonly data: { readonly train: Dataset; readonly test: Dataset }
  readonly line: ProgressLine
  readonly signal: AbortSignal
  readonly workers: number | undefined
  readonly out: string | undefined
  readonly resume?: SimulationState | undefined
  readonly strategy?: StrategyModule | undefined
  /** Where a trainer that is a program runs. */
  readonly folder?: string | undefined
}

export type Played = {
  readonly seconds: number
  readonly config: SimulationConfig
  readonly stopped: string
  readonly histograms: readonly (readonly number[])[]
  readonly live: LiveSettings
  readonly rounds: readonly RoundRecord[]
}

export async function playSimulation(simulation: Simulation): Promise<Played> {
  const room = await import('../learning/index.ts')
  const { title, spec, config, data, line, signal, workers, out, resume, strategy, folder } = simulation
  const started = performance.now()
  const begun = Date.now() / 1000
  const live = room.liveSettings(config, strategy?.terms)
  const write = async (state: SimulationState) => {
    if (out === undefined) return
    const result = { title, data: data.train.name, specHash: room.specHash(spec), config, live, rounds: state.records }
    await replaceFile(join(out, STATE_FILE), room.encodeSimulation(state))
    await replaceFile(join(out, 'rounds.csv'), room.roundsCsv(state.records))
    await replaceFile(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
    await replaceFile(join(out, 'chart.svg'), room.roundsChart(state.records, title))
    // TensorBoard takes every file with this in its name.
    await replaceFile(
      join(out, 'events.out.tfevents.cohort'),
      room.roundsEvents(state.records, begun, data.train.classNames),
    )
  }
  const result = await room
    .simulate({
      ...{ spec, data, settings: config, signal, strategy },
      ...(folder === undefined ? {} : { folder }),
      ...(workers === undefined ? {} : { workers }),
      ...(resume === undefined ? {} : { resume }),
      onMember: (round, done, members) =>
        line.update(`round ${round + 1}/${config.rounds} ${bar(done / members)} ${done}/${members} keepers`),
      onRound: async (record, state) => {
        line.lasting(roundLine(record))
        await write(state)
      },
    })
    .finally(() => line.clear())
  if (out !== undefined) await room.saveModel({ spec, weights: result.weights }, join(out, 'model'))
  return {
    seconds: (performance.now() - started) / 1000,
    ...{ config, live, stopped: result.stopped, rounds: result.records },
    histograms: result.histograms.map((counts) => [...counts]),
  }
}

function roundLine(record: RoundRecord): string {
  const { round, layers, accuracy, loss, members, dropped, refused, idle, lost, epsilon } = record
  const privacy = epsilon === undefined ? '' : `, ε ${epsilon.toFixed(2)}`
  return (
    `round ${round}${layers === undefined ? '' : `, layers ${layers}`}: accuracy ${(100 * accuracy).toFixed(2)} %, loss ${loss.toFixed(4)}, ` +
    `${members} keepers${dropped > 0 ? `, ${dropped} absent` : ''}${idle > 0 ? `, ${idle} without samples` : ''}` +
    `${refused > 0 ? `, ${refused} beyond the bound` : ''}${lost ? ', lost' : ''}${privacy}`
  )
}

/** One line: the result of the run, and the settings that a live service would not use. */
export function summaryOf(played: Played & { readonly title: string }, out: string | undefined): string {
  const { title, rounds, seconds, stopped, live } = played
  const last = rounds.at(-1)
  const why = stopped === 'patience' ? ' (nothing got better any more)' : ''
  return [
    `${title}: ${(100 * (last?.accuracy ?? 0)).toFixed(2)} % after ${rounds.length} rounds${why} in ${seconds.toFixed(1)} s` +
      `${out === undefined ? '' : `; see ${out}`}`,
    ...live.without.map((what) => `  a live service does without ${what}`),
  ].join('\n')
}
