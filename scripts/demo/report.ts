// SPDX-License-Identifier: GPL-3.0-or-later
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import type { ServiceTask } from '../../keepers/versions/index.ts'
import type { RoundResult } from './federation.ts'
import type { ProvenInference } from './inference.ts'
import type { Ledger } from './ledger.ts'
import { formatRows } from './live-table.ts'
import type { SettledMarket } from './market.ts'
import { answerText, figureOf } from './rows.ts'

type Totals = Record<string, { total: number; times: number }>

/** The contents of demo-report.json. Gas in gas units, times in seconds, sizes in bytes. */
export type DemoReport = {
  readonly when: string
  readonly keepers: number
  /** Names of the keepers that sent false updates. */
  readonly spoilers: readonly string[]
  /** The convicted members, and each one's penalty in whole tokens, oldest first. */
  readonly convicted: readonly {
    readonly name: string
    readonly seat: number
    readonly epoch: number
    readonly reason: string
    readonly taken: string
  }[]
  readonly model: string
  /** The kind of its answers, which decides how figures and answers are written. */
  readonly task: ServiceTask
  readonly data: string
  readonly alpha: number
  readonly seconds: { readonly total: number; readonly steps: Record<string, number> }
  readonly rounds: readonly RoundResult[]
  /** By state of the round machine, over all rounds, as keeper-0 saw it. */
  readonly phases: Record<string, { seconds: number; times: number }>
  readonly gas: Totals
  /** All transactions of the chain, by what they did. */
  readonly transactions: Ledger
  readonly bytes: { published: Record<string, number>; fetched: Record<string, number> }
  readonly release: { readonly version: number; readonly proposals: readonly string[] }
  readonly verifier: {
    readonly address: string
    readonly constraints: number
    readonly codeBytes: number
    readonly setup: 'local'
  }
  readonly inference: ProvenInference
  readonly market: SettledMarket
  readonly addresses: DeploymentFile['contracts'] & { readonly service: string }
}

/** The report for people. */
export function formatReport(report: DemoReport): string {
  const { task } = report
  const percent = (share: number | null) => (share === null ? '–' : figureOf({ task }, share))
  const rounds = formatRows([
    ['round', 'version', 'test samples', 'own hold-outs', 'updates', 'identical weights', 'seconds'],
    ...report.rounds.map((round) => [
      String(round.round),
      round.version,
      percent(round.testAccuracy),
      percent(round.holdOutAccuracy),
      String(round.contributors),
      `${round.agreeing} of ${report.keepers - report.spoilers.length}`,
      round.seconds.toFixed(1),
    ]),
  ])
  const phases = formatRows([
    ['phase', 'seconds', 'times'],
    ...Object.entries(report.phases).map(([state, { seconds, times }]) => [state, seconds.toFixed(1), String(times)]),
  ])
  const gas = formatRows([
    ['transaction', 'mean gas', 'times'],
    ...Object.entries(report.gas).map(([method, { total, times }]) => [
      method,
      Math.round(total / times).toLocaleString('en-US'),
      String(times),
    ]),
  ])
  const kinds = [...new Set([...Object.keys(report.bytes.published), ...Object.keys(report.bytes.fetched)])]
  const bytes = formatRows([
    ['blob', 'published bytes', 'fetched bytes'],
    ...kinds.map((kind) => [
      kind,
      (report.bytes.published[kind] ?? 0).toLocaleString('en-US'),
      (report.bytes.fetched[kind] ?? 0).toLocaleString('en-US'),
    ]),
  ])
  const { inference, market, verifier, release } = report
  const addresses = formatRows([['contract', 'address'], ...Object.entries(report.addresses)])
  return [
    `Rounds (${report.keepers} keepers, ${report.model}, ${report.data})`,
    rounds,
    ...(report.spoilers.length === 0
      ? []
      : [
          `Spoilers: ${report.spoilers.join(', ')}`,
          formatRows([
            ['convicted', 'seat', 'epoch', 'for', 'paid (COH)'],
            ...report.convicted.map(({ name, seat, epoch, reason, taken }) => [
              name,
              String(seat),
              String(epoch),
              reason,
              taken,
            ]),
          ]),
        ]),
    'Time by phase, as keeper-0 saw it',
    phases,
    'Gas by transaction of a keeper',
    gas,
    'Bytes by kind of blob, all keepers',
    bytes,
    `Released by the DAO: version ${release.version}`,
    `Proven inference: the hub recorded ${answerText({ task }, inference.provenLabel)} for a sample of ${answerText({ task }, inference.trueLabel)}; ` +
      `${verifier.constraints.toLocaleString('en-US')} constraints, proof in ${inference.proveSeconds.toFixed(1)} s, ` +
      `${inference.fulfilGas.toLocaleString('en-US')} gas, local set-up`,
    `Prediction market ${market.marketId} ("${market.question}") settled on a signed story, "${market.headline}": ${market.outcome}; ` +
      `${market.constraints.toLocaleString('en-US')} constraints, proof in ${market.proveSeconds.toFixed(1)} s, ` +
      `${market.resolveGas.toLocaleString('en-US')} gas; ${market.spent} COH on it at a price of ${market.prices[0]} paid ${market.paidOut}`,
    addresses,
    `Whole demo: ${report.seconds.total.toFixed(0)} s (${Object.entries(report.seconds.steps)
      .map(([step, seconds]) => `${step} ${seconds.toFixed(0)} s`)
      .join(', ')})`,
  ].join('\n\n')
}
