// SPDX-License-Identifier: GPL-3.0-or-later
// The demo's path on chain clients that we did not write, and what its transactions cost there: gas beside the simulated chain's, and
// fees on chains of other kinds, from the bytes as they were signed and the prices in clients/prices.json.
//
// Metrics, for each client that is installed (COHORT_ANVIL, COHORT_GETH, or the PATH): clients.<client>.gas.<step>,
// clients.<client>.round; and of the last one clients.cost.<chain>.<step> with `round` for a member's of a whole round,
// clients.bytes.<step>.{signed,fastlz,brotli}. Subjects: the clients' names.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getBytes } from 'ethers'
import { ROOT } from '../bootstrap/paths.mjs'
import { findClient } from '../demo/chain-client.ts'
import type { LedgerEntry } from '../demo/ledger.ts'
import type { DemoReport } from '../demo/report.ts'
import { runNode } from '../run-node.ts'
import { CHAINS, costOn, type Prices, readPrices } from './clients/prices.ts'
import { arbitrumDataFee, fastlzLength } from './clients/rollup-fees.ts'
import { STEPS, simulatedGas } from './clients/steps.ts'
import type { Bench, BenchContext } from './harness.ts'

const CLIENTS = ['anvil', 'geth'] as const
const ROUNDS = { quick: 2, whole: 3 }
/** What else people pay for, beside the steps of a round. */
const OTHERS = {
  'CohortGovernor.castVote': 'dao-vote',
  'InferenceHub.request': 'inference-request',
  'InferenceHub.fulfil': 'inference-answer',
} as const

type Named = { readonly name: string; readonly entry: LedgerEntry & { readonly raw: string } }

export const bench: Bench = {
  area: 'clients',
  summary:
    'the demo’s path on anvil and geth: gas of every step beside the simulated chain, and its cost on rollups (10 min)',
  async run(context) {
    const prices = await readPrices()
    const asked = CLIENTS.filter((client) => context.args.length === 0 || context.args.includes(client))
    const installed = asked.filter((client) => findClient(client) !== null)
    for (const client of asked.filter((one) => !installed.includes(one))) {
      context.progress(`${client} is not installed: put it on the PATH, or set COHORT_${client.toUpperCase()}`)
    }
    for (const client of installed) {
      const report = await runDemo(context, client)
      await recordGas(context, client, report)
      if (client === installed.at(-1)) recordCosts(context, report, prices)
    }
  },
}

async function runDemo(context: BenchContext, client: (typeof CLIENTS)[number]): Promise<DemoReport> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-bench-clients-'))
  try {
    const out = join(folder, 'report.json')
    const rounds = String(context.quick ? ROUNDS.quick : ROUNDS.whole)
    context.progress(`${client}: deployment, ${rounds} rounds, release, inference, market`)
    const args = ['--client', client, '--model', 'logistic', '--rounds', rounds, '--out', out]
    const { code, output } = await runNode([join(ROOT, 'scripts/demo/main.ts'), ...args], { cwd: ROOT })
    if (code !== 0) throw new Error(`the demo on ${client} ended with ${code}:\n${output}`)
    return JSON.parse(await readFile(out, 'utf8')) as DemoReport
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function recordGas(context: BenchContext, client: string, report: DemoReport): Promise<void> {
  const simulated = await simulatedGas()
  for (const [method, name] of Object.entries(STEPS)) {
    context.record({
      metric: `clients.${client}.gas.${name}`,
      value: report.transactions[`LearningService.${method}`]!.gas,
      unit: 'gas',
      peer: 'simulated chain',
      peerValue: simulated[method as keyof typeof STEPS],
    })
  }
  const { seconds } = report.rounds.at(-1)!
  context.record({ metric: `clients.${client}.round`, value: seconds, unit: 's', note: '4 keepers, blocks of 1 s' })
}

function recordCosts(context: BenchContext, { transactions }: DemoReport, prices: Prices): void {
  const named = (method: string, name: string): Named[] => {
    const entry = transactions[method]
    return entry === undefined || entry.raw === null ? [] : [{ name, entry: { ...entry, raw: entry.raw } }]
  }
  const steps = Object.entries(STEPS).flatMap(([method, name]) => named(`LearningService.${method}`, name))
  const all = [...steps, ...Object.entries(OTHERS).flatMap(([method, name]) => named(method, name))]
  for (const { name, entry } of all) {
    const raw = getBytes(entry.raw)
    const record = (what: string, value: number) =>
      context.record({ metric: `clients.bytes.${name}.${what}`, value, unit: 'bytes' })
    record('signed', raw.length)
    record('fastlz', fastlzLength(raw))
    record('brotli', Number(arbitrumDataFee(raw, 1n)) / 16)
  }
  for (const chain of CHAINS) {
    let round = 0
    for (const { name, entry } of all) {
      const { total, data } = costOn(chain, { gas: entry.gas, raw: getBytes(entry.raw) }, prices)
      const dollars = (Number(total) / 1e18) * prices.etherDollars
      // One member drafts, the others do not.
      if (steps.some((step) => step.name === name && name !== 'draft')) round += dollars
      context.record({
        metric: `clients.cost.${chain}.${name}`,
        value: 100 * dollars,
        unit: 'cents',
        note: `${((100 * Number(data)) / Number(total)).toFixed(0)} % of it for data`,
      })
    }
    context.record({
      metric: `clients.cost.${chain}.round`,
      value: 100 * round,
      unit: 'cents',
      note: 'a member that does not draft',
    })
  }
}
