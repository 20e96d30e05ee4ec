// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort census`, once the options are read.
import { readFile } from 'node:fs/promises'
import { parseEther, type Signer } from 'ethers'
import {
  CENSUS,
  CENSUS_CIRCUITS,
  CensusError,
  censusQueries,
  circuitsIn,
  commitModel,
  commitTable,
  describeCensus,
  designModel,
  generateCensus,
  modelOfRequest,
  modelText,
  OnceRecord,
  type OwnBudget,
  packModel,
  pairsOf,
  parseModel,
  parseTable,
  readCensusKey,
  readRelease,
  seedCommitmentOf,
  serveRelease,
  setupCensus,
  TableSecret,
  tableText,
  widthsOf,
  writeForGood,
} from '../apps/census/index.ts'
import { chunksHashOf, PrivateTablesClient, releaseQueryIdOf } from '../chain/index.ts'
import { writeAtomically } from '../zkml/index.ts'
import { type ChainOptions, print, withChain } from './chain-command.ts'
import { UsageError } from './failure.ts'
import { emit, withTerminal } from './zkml/terminal.ts'

type LedgerOptions = ChainOptions & { readonly ledger?: string }
type SeriesOptions = LedgerOptions & { readonly series: number }
type Session = { readonly signer: Signer | undefined; readonly verifiers: string }

async function withLedger(
  options: LedgerOptions,
  body: (ledger: PrivateTablesClient, session: Session) => Promise<void>,
): Promise<void> {
  const { ledger } = options
  if (ledger === undefined) throw new UsageError('give --ledger ADDRESS, or COHORT_TABLES')
  await withChain(options, async ({ deployment, provider, signer }) => {
    const { VerifierRegistry: verifiers } = deployment.contracts
    // Each endpoint of --rpc is a witness, too.
    await body(await PrivateTablesClient.open(ledger, verifiers, provider, signer, provider), { signer, verifiers })
  })
}

export async function generate(options: { rows: number; seed: number; out?: string; json?: boolean }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    await emit(tableText(CENSUS, generateCensus(options.rows, options.seed)), options.out)
    if (options.out === undefined) return
    const { rows, seed, out } = options
    terminal.result({ table: out, rows, seed }, `${out}: ${rows} invented people`)
  })
}

export async function setup(folder: string, options: { json?: boolean }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    await setupCensus(folder, CENSUS, {
      signal: terminal.signal,
      onProgress: (circuit, stage) => terminal.progress(`${stage} ${circuit}`),
    })
    const keys = []
    for (const name of CENSUS_CIRCUITS) {
      const { circuitId, constraints, zkeyBytes } = await readCensusKey(folder, CENSUS, name)
      keys.push({ name, circuitId, constraints, zkeyBytes })
    }
    const lines = keys.map(({ name, constraints, circuitId }) => `${name}  ${constraints} constraints  ${circuitId}`)
    terminal.result({ folder, circuits: keys }, [...lines, 'Set up by one party: it could forge proofs.'].join('\n'))
  })
}

export async function deploy(options: ChainOptions & { registrar?: string; treasury?: string }): Promise<void> {
  await withChain(options, async ({ deployment, signer }) => {
    const { VerifierRegistry: verifiers, TimelockController: timelock } = deployment.contracts
    const { registrar: admin = timelock, treasury = timelock } = options
    const address = await PrivateTablesClient.deploy(needed(signer), { verifiers, treasury, admin })
    print(
      options,
      { address, registrar: admin },
      `Ledger of private tables ${address}; ${admin} describes its circuits.`,
    )
  })
}

export async function describe(folder: string, options: LedgerOptions): Promise<void> {
  await withLedger(options, async (ledger, { signer, verifiers }) => {
    await withTerminal(options, async ({ progress }) => {
      const described = await describeCensus(ledger, verifiers, folder, CENSUS, needed(signer), progress)
      const { marginals, outcomes, epsilon, delta } = described
      print(
        options,
        { ...described },
        `Marginals are query ${marginals}, outcomes ${outcomes}; a unit costs epsilon ${decimal(epsilon, 6)}, delta ${Number(delta) / 1e18}.`,
      )
    })
  })
}

type OpenOptions = LedgerOptions & {
  readonly maxEpsilon: bigint
  readonly versionEpsilon: bigint
  readonly maxDelta: bigint
  readonly interval: number
  readonly deliver: number
  readonly fee: string
  readonly bond: string
}

export async function open(options: OpenOptions): Promise<void> {
  const { maxEpsilon, versionEpsilon, maxDelta, interval, deliver: deliverySeconds } = options
  const money = { fee: parseEther(options.fee), bond: parseEther(options.bond) }
  await withLedger(options, async (ledger) => {
    const terms = { maxEpsilon, versionEpsilon, maxDelta, interval, deliverySeconds, ...money }
    const sent = await ledger.openSeries(terms)
    print(options, sent, `Series ${sent.seriesId}: epsilon ${decimal(maxEpsilon, 6)} in all.`)
  })
}

type CommitOptions = SeriesOptions &
  Pick<OpenOptions, 'maxEpsilon' | 'versionEpsilon' | 'maxDelta'> & { secret: string }

export async function commit(table: string, options: CommitOptions): Promise<void> {
  const rows = parseTable(CENSUS, await readFile(table, 'utf8'))
  await withLedger(options, async (ledger) => {
    const series = await ledger.series(options.series)
    for (const field of ['maxEpsilon', 'versionEpsilon', 'maxDelta'] as const)
      if (options[field] > series[field])
        throw new CensusError(
          'mismatch',
          `series ${options.series} has ${field} ${series[field]}, you allow ${options[field]}: correct the option, or --series`,
        )
    const known = await readFile(options.secret, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    const secret = known === null ? TableSecret.draw() : TableSecret.parse(known)
    // Salts come from the secret. Two versions under one secret would show which chunks are equal.
    const used = known === null ? null : await versionUnder(ledger, options.series, seedCommitmentOf(secret.seed))
    if (used !== null)
      throw new CensusError(
        'mismatch',
        `${options.secret} is the secret of version ${used}: each version needs its own`,
      )
    const chunks = commitTable(CENSUS, rows, secret)
    const seedCommitment = seedCommitmentOf(secret.seed)
    const { chainId, address } = ledger
    const record = OnceRecord.beside(options.secret)
    const budget = await allowedBy(record, { ...series, chainId, ledger: address, series: options.series }, options)
    // The entry comes before anybody can ask, because nothing is released from a version without one.
    await record.enter(
      {
        ...{ chainId, ledger: address, series: options.series, seedCommitment, chunksHash: chunksHashOf(chunks) },
        ...budget,
      },
      known === null,
    )
    // The secret is written after its entry, so that no secret is without one, and before the transaction, so that the chain has no commitment
    // under a lost secret.
    if (known === null) await writeForGood(options.secret, secret.toText())
    const sent = await ledger.commitVersion(options.series, chunks, seedCommitment)
    const present = rows.filter((row) => row !== null).length
    print(
      options,
      { ...sent, rows: present, chunks: chunks.length, record: record.file, ...budget },
      `Version ${sent.version} of series ${options.series}: ${present} rows in ${chunks.length} chunks. Keep ${options.secret}, and keep it ` +
        `secret; keep ${record.file} beside it, which says what was drawn from it.${limitNote(budget, options)}`,
    )
  })
}

/**
 * What the operator allows, and no more than is left where the ledger has spent some by requests that the record does not have.
 * @throws CensusError refused when nothing is left
 */
async function allowedBy(
  record: OnceRecord,
  account: Parameters<OnceRecord['allowable']>[0],
  options: OwnBudget,
): Promise<OwnBudget> {
  const left = await record.allowable(account)
  const lesser = (one: bigint, other: bigint) => (one < other ? one : other)
  const maxEpsilon = lesser(options.maxEpsilon, left.maxEpsilon)
  const maxDelta = lesser(options.maxDelta, left.maxDelta)
  if (maxEpsilon > 0n && maxDelta > 0n) return { maxEpsilon, versionEpsilon: options.versionEpsilon, maxDelta }
  throw new CensusError(
    'refused',
    `series ${account.series} has nothing left: the ledger has spent it by requests that ${record.file} does not have. Put back the record ` +
      'that has them, or open another series',
  )
}

const limitNote = ({ maxEpsilon, maxDelta }: OwnBudget, options: OwnBudget): string =>
  maxEpsilon === options.maxEpsilon && maxDelta === options.maxDelta
    ? ''
    : ` For the series it allows epsilon ${decimal(maxEpsilon, 6)} and delta ${decimal(maxDelta, 18)}: the rest was spent by requests that it does not have.`

async function versionUnder(
  ledger: PrivateTablesClient,
  series: number,
  seedCommitment: bigint,
): Promise<number | null> {
  const { versions } = await ledger.series(series)
  for (let number = 1; number <= versions; number++)
    if ((await ledger.version(series, number)).seedCommitment === seedCommitment) return number
  return null
}

export async function request(options: SeriesOptions & { number: number; model?: string }): Promise<void> {
  const model = options.model === undefined ? null : parseModel(CENSUS, await readFile(options.model, 'utf8'))
  await withLedger(options, async (ledger) => {
    const queries = await censusQueries(CENSUS)
    const queryId = releaseQueryIdOf(model === null ? queries.marginals : queries.outcomes)
    const commitment = model === null ? 0n : commitModel(CENSUS, model)
    const elements = model === null ? [] : packModel(model)
    const sent = await ledger.request(options.series, options.number, queryId, commitment, elements)
    const of = model === null ? 'marginals' : 'outcomes'
    print(options, { ...sent, of }, `Request ${sent.requestId}: ${of} of version ${options.number}.`)
  })
}

export async function cancel(id: number, options: LedgerOptions): Promise<void> {
  await withLedger(options, async (ledger) => print(options, await ledger.cancel(id), `Request ${id} is cancelled.`))
}

type ReleaseOptions = LedgerOptions & {
  readonly table: string
  readonly secret: string
  readonly work: string
  readonly batch: number
  readonly confirmations: number
}

export async function release(id: number, folder: string, options: ReleaseOptions): Promise<void> {
  const { work, batch, confirmations } = options
  const rows = parseTable(CENSUS, await readFile(options.table, 'utf8'))
  const secret = TableSecret.parse(await readFile(options.secret, 'utf8'))
  await withLedger(options, async (ledger, { signer }) => {
    needed(signer)
    await withTerminal(options, async ({ progress, signal }) => {
      const { outputs, gas } = await serveRelease(ledger, id, {
        ...{ shape: CENSUS, rows, secret, circuits: circuitsIn(folder, CENSUS), work, batch, confirmations },
        ...{ record: OnceRecord.beside(options.secret), signal, onProgress: progress },
      })
      print(
        options,
        { requestId: id, outputs, gas },
        `Request ${id} is delivered; ${gas.advance + gas.deliver} gas for counting and noise.`,
      )
    })
  })
}

export async function result(id: number, options: LedgerOptions & { out?: string }): Promise<void> {
  await withLedger(options, async (ledger) => {
    const { outputs, hash } = await ledger.outputsOf(id)
    const model = await modelOfRequest(ledger, id, CENSUS)
    const counts = readRelease(CENSUS, model, outputs)
    const value = model === null ? marginalsIn(counts) : outcomesIn(counts)
    if (options.out !== undefined) await writeAtomically(options.out, `${JSON.stringify(value, null, 2)}\n`)
    const text =
      'accuracy' in value
        ? `accuracy ${(100 * value.accuracy).toFixed(1)} %, with noise; label and prediction: ${counts.join(' ')}`
        : value.marginals.map(({ columns, counts }) => `${columns.join(' × ')}  ${counts.join(' ')}`).join('\n')
    print(options, { requestId: id, transaction: hash, ...value }, text)
  })
}

export async function design(id: number, options: LedgerOptions & { out: string }): Promise<void> {
  await withLedger(options, async (ledger) => {
    if ((await modelOfRequest(ledger, id, CENSUS)) !== null)
      throw new CensusError('mismatch', `request ${id} is about a model; design needs marginals`)
    const { outputs } = await ledger.outputsOf(id)
    const model = designModel(CENSUS, readRelease(CENSUS, null, outputs))
    await writeAtomically(options.out, modelText(model))
    print(options, { model: options.out, weights: model.weights }, `${options.out}: ${model.weights.length} weights`)
  })
}

export async function budget(options: SeriesOptions): Promise<void> {
  await withLedger(options, async (ledger) => {
    const series = await ledger.series(options.series)
    const versions = []
    for (let number = 1; number <= series.versions; number++) {
      const { spentEpsilon } = await ledger.version(options.series, number)
      versions.push({ number, spentEpsilon, leftEpsilon: series.versionEpsilon - spentEpsilon })
    }
    const { spentEpsilon, maxEpsilon, spentDelta, maxDelta, failed } = series
    const lines = [
      `epsilon  ${decimal(spentEpsilon, 6)} of ${decimal(maxEpsilon, 6)}`,
      `delta    ${Number(spentDelta) / 1e18} of ${Number(maxDelta) / 1e18}`,
      ...versions.map(
        (each) => `version ${each.number}  ${decimal(each.spentEpsilon, 6)}, ${decimal(each.leftEpsilon, 6)} left`,
      ),
      `requests accepted and not delivered  ${failed}`,
    ]
    print(options, { ...series, of: versions }, lines.join('\n'))
  })
}

export async function expire(id: number, options: LedgerOptions): Promise<void> {
  await withLedger(options, async (ledger) =>
    print(options, await ledger.expire(id), `Request ${id} has failed; its budget stays spent.`),
  )
}

export async function withdraw(options: LedgerOptions): Promise<void> {
  await withLedger(options, async (ledger) => print(options, await ledger.withdraw(), 'Withdrawn.'))
}

function marginalsIn(counts: readonly number[]) {
  const widths = widthsOf(CENSUS)
  let at = 0
  const marginals = pairsOf(CENSUS).map(([a, b]) => {
    const size = widths[a]! * widths[b]!
    at += size
    return { columns: [a, b].map((c) => CENSUS.columns[c]!.name), counts: counts.slice(at - size, at) }
  })
  return { marginals }
}

/** Accuracy from the counts of outcomes, where cell 2 · label + prediction counts one pair. */
function outcomesIn(counts: readonly number[]) {
  const all = counts.reduce((sum, count) => sum + count, 0)
  return { outcomes: counts, accuracy: all <= 0 ? 0 : Math.min(1, Math.max(0, (counts[0]! + counts[3]!) / all)) }
}

/** A whole number of 10^-places as a decimal. */
function decimal(value: bigint, places: number): string {
  const text = value.toString().padStart(places + 1, '0')
  return `${text.slice(0, -places)}.${text.slice(-places)}`.replace(/\.?0+$/, '')
}

function needed<T>(value: T | undefined): T {
  if (value === undefined)
    throw new UsageError('this needs an account: --keystore FILE, or --account N of a local node')
  return value
}
