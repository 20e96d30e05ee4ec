// SPDX-License-Identifier: GPL-3.0-or-later
// How noisy contribution scores are, and how often luck pays: by simulation with the learning room, nothing tuned to the members.
//
//   contribution.<measured>.<estimator>.<per round>.tau      Kendall's tau after 5, 10, 20, 40 cycles (series), mean over seeds
//   contribution.<measured>.<estimator>.<per round>.worst    of the 4 worst members, how many are the 4 lowest (series), mean over seeds
//   contribution.<measured>.<per round>.rounds               rounds after which tau is expected to be 0.8, from the slope of the members' effects on
//                                                            the whole hold-out and the deviation of this measurement (gains)
//   contribution.<measured>.<per round>.{effect,deviation}   what the worst member's presence costs beside the best one's, and the deviation
//                                                            of one absence, in percent of the samples
//   contribution.luck.<samples>.<step>.{paid,over,lucky}     campaigns with a prize though no version was better, in percent; right answers
//                                                            paid beyond the true improvement; versions paid that were worse than the one before
//
// `measured` is `all` (the whole hold-out of 4,000), or 512, 2,048 or 128 samples drawn anew for each version; `paired-512` measures both versions of a
// difference on the same 512. Estimators: `gain` is the contract's (difference to the version before), `level` the same on figures
// themselves, `ols` least squares on gains that also separates members who sit out together.
import { rotaOf } from '../../keepers/chain/data-market/rota.ts'
import { contributionScores } from '../../keepers/chain/data-market/scores.ts'
import { SeededRandom } from '../../keepers/learning/index.ts'
import { HOLD_OUT, MEMBERS, type PlayedRound, playRounds } from './contribution/federation.ts'
import { luckOf } from './contribution/luck.ts'
import { absences, cyclesUntil, kendallTau, regress, spreadOf, worstFound } from './contribution/ranking.ts'
import type { Bench, BenchContext } from './harness.ts'

const SEEDS = [1, 2, 3, 4, 5]
const CYCLES = [5, 10, 20, 40]
/** Rounds with everybody before the first that counts: the steep start says nothing of members. */
const WARM = 20
const RATE = 0.05
const QUORUM = 11
const GOOD = 0.8
const WORST = 4
const MEASURES = ['all', '2048', '512', '128', 'paired-512'] as const
type Measure = (typeof MEASURES)[number]
const ESTIMATORS = ['gain', 'level', 'ols'] as const

export const bench: Bench = {
  area: 'contribution',
  summary: 'how noisy contribution scores are by the rounds they rest on, and how often luck is paid',
  async run(context) {
    const seeds = context.quick ? SEEDS.slice(0, 1) : SEEDS
    const cycles = context.quick ? CYCLES.slice(0, 2) : CYCLES
    for (const perRound of [1, 2]) {
      const rota = rotaOf(MEMBERS, QUORUM, perRound)
      const length = Math.ceil(MEMBERS / perRound)
      const runs: { readonly seed: string; readonly random: number; readonly rounds: readonly PlayedRound[] }[] = []
      for (const seed of seeds) {
        context.progress(`${perRound} out at once, seed ${seed}`)
        const epochSeed = `0x${seed.toString(16).padStart(64, '0')}`
        const rounds: PlayedRound[] = []
        const settings = { seed, epochSeed, rota, rounds: cycles.at(-1)! * length, warm: WARM, rate: RATE }
        await playRounds(settings, (round) => rounds.push(round))
        runs.push({ seed: epochSeed, random: seed, rounds })
      }
      const accuracy = runs.map(({ rounds }) => shareOf(rounds.at(-1)!.right))
      context.record({
        metric: `contribution.${perRound}.accuracy`,
        value: (100 * accuracy.reduce((a, b) => a + b)) / runs.length,
        unit: 'percent',
        note: 'of the last model on the hold-out',
      })
      let slope = Number.NaN
      for (const measure of MEASURES) {
        const measured = runs.map(({ seed, random, rounds }) => ({
          seed,
          rounds,
          figures: figuresOf(measure, rounds, random),
        }))
        const size = sizeOf(measure)
        const costs = measured.flatMap(({ rounds, figures }) =>
          absences(
            rota,
            rounds.map(({ round, sitting }, r) => ({ round, sitting, response: figures[r]!.gain / size })),
          ),
        )
        const spread = spreadOf(costs)
        if (measure === 'all') slope = spread.slope
        const name = `contribution.${measure}.${perRound}`
        const effect = -100 * slope * (MEMBERS - 1)
        context.record({ metric: `${name}.effect`, value: effect, unit: 'percent' })
        context.record({ metric: `${name}.deviation`, value: 100 * spread.deviation, unit: 'percent' })
        const needed = length * cyclesUntil(GOOD, MEMBERS, slope, spread.deviation)
        context.record({
          metric: `${name}.rounds`,
          value: Math.round(needed),
          unit: 'rounds',
          note: 'expected, by extrapolation',
        })
        for (const estimator of ESTIMATORS) {
          if (estimator === 'level' && measure === 'paired-512') continue
          const taus: number[] = []
          const worst: number[] = []
          for (const count of cycles) {
            const scores = measured.map(({ seed, rounds, figures }) => {
              const end = count * length
              const responses = rounds.slice(0, end).map(({ round, sitting }, i) => ({
                ...{ round, sitting },
                response: estimator === 'level' ? figures[i]!.figure : figures[i]!.gain,
              }))
              if (estimator === 'ols') return regress(rota, responses)
              const gains = responses.map(({ round, response }) => ({ round, gain: response }))
              return contributionScores(rota, seed, gains).map(({ sum }) => sum)
            })
            taus.push(mean(scores.map(kendallTau)))
            worst.push(mean(scores.map((of) => worstFound(of, WORST))))
          }
          record(context, `contribution.${measure}.${estimator}.${perRound}`, { taus, worst, cycles, length })
        }
      }
    }
    for (const samples of [64, 256, 1024]) {
      for (const step of [1, samples / 32, samples / 16]) {
        const { paid, over, lucky } = luckOf({
          samples,
          step,
          delta: 0.05,
          versions: 50,
          runs: context.quick ? 200 : 2000,
        })
        const name = `contribution.luck.${samples}.${step}`
        const note = '50 versions, right nine times in ten; margin by Hoeffding at 5 %'
        context.record({
          metric: `${name}.paid`,
          value: 100 * paid,
          unit: 'percent',
          note: `${note}; none better than the baseline`,
        })
        context.record({
          metric: `${name}.over`,
          value: over,
          unit: 'answers',
          note: 'from 70 to 90 %: paid less true, mean',
        })
        context.record({
          metric: `${name}.lucky`,
          value: 100 * lucky,
          unit: 'percent',
          note: 'the same: of versions paid, worse than the one before',
        })
      }
    }
  },
}

function record(
  context: BenchContext,
  name: string,
  { taus, worst, cycles, length }: { taus: number[]; worst: number[]; cycles: number[]; length: number },
): void {
  const note = `after ${cycles.map((count) => count * length).join(', ')} rounds`
  context.record({ metric: `${name}.tau`, value: taus.at(-1)!, unit: 'tau', series: taus, note })
  context.record({ metric: `${name}.worst`, value: worst.at(-1)!, unit: `of ${WORST}`, series: worst, note })
}

/** What a measurement of each round's model shows, in right answers. The version before the first has no figure: its gain is 0. */
function figuresOf(measure: Measure, rounds: readonly PlayedRound[], seed: number): { figure: number; gain: number }[] {
  const random = new SeededRandom(1000 + seed)
  const whole = Uint32Array.from({ length: HOLD_OUT }, (_, i) => i)
  const size = sizeOf(measure)
  let before: number | null = null
  return rounds.map(({ right }, i) => {
    const drawn = size === HOLD_OUT ? whole : random.permutation(HOLD_OUT).subarray(0, size)
    const figure = count(right, drawn)
    const other = i > 0 && measure.startsWith('paired') ? count(rounds[i - 1]!.right, drawn) : before
    before = figure
    return { figure, gain: other === null ? 0 : figure - other }
  })
}

function sizeOf(measure: Measure): number {
  return measure === 'all' ? HOLD_OUT : Number(measure.replace('paired-', ''))
}

function count(right: Uint8Array, drawn: Uint32Array): number {
  let sum = 0
  for (const i of drawn) sum += right[i]!
  return sum
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const shareOf = (right: Uint8Array): number => right.reduce((sum: number, one) => sum + one, 0) / right.length
