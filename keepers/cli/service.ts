// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort service`: make the manifest of a service from a sample of data and a model, and look at manifests.
import { existsSync } from 'node:fs'
import { basename, extname } from 'node:path'
import process from 'node:process'
import type { Command } from 'commander'
import type { DraftReport, Sample } from '../services/index.ts'
import type { ServiceManifest } from '../versions/index.ts'
import { chainCommand } from './chain-command.ts'
import { type ProposingOptions, printProposal, withClient } from './dao.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { interruptible, ProgressLine, replaceFile, wholeNumber } from './learning-options.ts'
import { manifestOf, provableDigest } from './manifest-option.ts'
import { registerServiceStrategy } from './service-strategy.ts'

type NewOptions = {
  readonly data?: string
  readonly target?: string
  readonly ignore?: string[]
  readonly model?: string
  readonly name?: string
  readonly out: string
  readonly force?: boolean
  readonly rounds: number
  readonly keepers: number
  readonly decryptions: number
  readonly total?: number
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  cohort service new --data examples/breast-cancer/cells.csv --out cancer.json
  cohort service new --data patients.csv --target outcome --ignore id --model model.json --out patients.json
  cohort service new --data pictures --model small-cnn --keepers 8 --out pictures.json
  cohort service show cancer.json
`

export function registerService(program: Command): void {
  const service = program
    .command('service')
    .description('make a service of your own: its manifest, from data and a model')

  service
    .command('new')
    .description('from a sample of data (and a model) to a manifest, with a plan for proofs calibrated on it')
    .option('--data <path>', 'a CSV file, a folder of IDX files or of pictures by class (default: digits)')
    .option('--target <column>', 'CSV: the column to learn (default: the last)')
    .option('--ignore <column...>', 'CSV: columns that the model does not get')
    .option('--model <name-or-file>', 'a named model, or a tfjs LayersModel’s model.json (default: a small network)')
    .option('--name <text>', 'what people call it (default: the name of the file)')
    .requiredOption('--out <file>', 'where the manifest goes')
    .option('--force', 'replace a file that is there')
    .option('--rounds <n>', 'rounds that are played to measure weights and updates', wholeNumber(1), 50)
    .option('--keepers <n>', 'most members that the encryption must serve', wholeNumber(2), 16)
    .option('--decryptions <n>', 'rounds under one key, as the chain’s decryptionsPerEpoch', wholeNumber(1), 64)
    .option('--total <n>', 'samples of all members together (default: as many as in the sample)', wholeNumber(1))
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: NewOptions) => interruptible((signal) => create(options, signal)))

  service
    .command('show')
    .description('what a manifest says, its digest and its CID, once its model is known to be provable')
    .argument('<manifest>', 'a file, or the name of an example')
    .option('--out <file>', 'write the canonical document there')
    .option('--json', 'print JSON')
    .action(show)

  registerServiceStrategy(service)

  chainCommand(
    service,
    'create',
    'propose to the DAO a service with a manifest, and the parameters of one that is there',
  )
    .argument('<manifest>', 'a file, or the name of an example')
    .option('--name <text>', 'what the chain calls it (default: the manifest’s name)')
    .option('--like <name-or-address>', 'the service whose parameters it gets (default: the only one)', '')
    .option('--quiet', 'print only the id of the proposal')
    .action(async (text: string, options: ProposingOptions & { name?: string; like: string }) => {
      const [manifest, digest] = await Promise.all([manifestOf(text, 'manifest'), provableDigest(text, 'manifest')])
      await withClient(options, async (client) => {
        const terms = { name: options.name ?? manifest.name, manifest: digest }
        const proposal = await client.proposeService(options.like, terms)
        printProposal(options, proposal)
        if (options.json !== true && options.quiet !== true) {
          process.stdout.write(`The service will be at ${proposal.service}, unless another one is created first.\n`)
        }
      })
    })

  service
    .command('circuit')
    .description('compile the circuit that proves every version of a service’s model')
    .argument('<manifest>', 'a file, or the name of an example')
    .requiredOption('--out <folder>', 'where the circuit goes')
    .option('--local', 'also make a proving key, alone: for development, as whoever made it could forge')
    .option('--json', 'print JSON')
    .action(async (text: string, options: { out: string; local?: boolean; json?: boolean }) =>
      interruptible((signal) => circuit(text, options, signal)),
    )

  service
    .command('row')
    .description('what the model is given for one row of a table, scaled as the manifest says: the input of a request')
    .argument('<manifest>', 'a file')
    .requiredOption('--data <file>', 'a CSV file with the manifest’s columns; the label may be missing')
    .option('--row <n>', 'which row below the header', wholeNumber(1), 1)
    .requiredOption('--out <file>', 'where the JSON list goes')
    .action(row)
}

async function circuit(
  text: string,
  options: { readonly out: string; readonly local?: boolean; readonly json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const [{ serviceCircuit }, { setupFolder }] = await Promise.all([
    import('../services/index.ts'),
    import('../zkml/index.ts'),
  ])
  if (existsSync(options.out)) throw new CommandError(`${options.out} is there already: give another --out`, EXIT.usage)
  const line = new ProgressLine()
  try {
    const manifest = await manifestOf(text, 'manifest')
    line.update('compiling the circuit; seconds to a minute')
    const { manifest: made } = await serviceCircuit(manifest, options.out, signal)
    if (options.local === true) {
      line.update('making a proving key')
      await setupFolder(options.out, { signal })
    }
    line.clear()
    if (options.json === true) process.stdout.write(`${JSON.stringify({ folder: options.out, ...made })}\n`)
    else {
      const next = options.local === true ? '' : `; next: \`cohort zkml setup ${options.out} --local\`, or a ceremony`
      process.stdout.write(
        `${options.out}: ${made.constraints.toLocaleString('en-US')} constraints, id ${made.circuitId}${next}\n`,
      )
    }
  } finally {
    line.clear()
  }
}

async function row(
  text: string,
  options: { readonly data: string; readonly row: number; readonly out: string },
): Promise<void> {
  const [{ tableRow }, { readFile }] = await Promise.all([import('../services/index.ts'), import('node:fs/promises')])
  const { input } = await manifestOf(text, 'manifest')
  if (input.kind !== 'table') {
    throw new UsageError(`${text} takes a ${input.kind}: \`cohort learning samples\` writes pictures`)
  }
  const content = await readFile(options.data, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${options.data}: ${cause.code}`, EXIT.noInput)
  })
  await replaceFile(options.out, `${JSON.stringify(tableRow(input, content, options.data, options.row))}\n`)
}

async function create(options: NewOptions, signal: AbortSignal): Promise<void> {
  const { chooseArchitecture, draftService, readSample } = await import('../services/index.ts')
  const { out } = options
  if (existsSync(out) && options.force !== true) {
    throw new CommandError(`${out} is there already: give another --out, or --force to replace it`, EXIT.usage)
  }
  const line = new ProgressLine()
  try {
    const sample = await readSample(options.data ?? null, {
      ...(options.target === undefined ? {} : { target: options.target }),
      ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    })
    if (options.json !== true) line.lasting(sampleText(sample))
    const spec = await chooseArchitecture(options.model, sample)
    const { manifest, report } = await draftService({
      ...{ name: nameOf(options), spec, sample, signal },
      ...{ keepers: options.keepers, decryptionsPerEpoch: options.decryptions, rounds: options.rounds },
      ...(options.total === undefined ? {} : { total: options.total }),
      onProgress: (text) => line.update(text),
    })
    const { encodeManifest } = await import('../versions/index.ts')
    await replaceFile(out, encodeManifest(manifest))
    line.clear()
    if (options.json === true) process.stdout.write(`${JSON.stringify({ manifest: out, ...report })}\n`)
    else process.stdout.write(`${reportText(out, manifest, report)}\n`)
  } finally {
    line.clear()
  }
}

function nameOf({ name, data }: NewOptions): string {
  const found = name ?? (data === undefined ? 'digits' : basename(data, extname(data)))
  if (found.length >= 1 && found.length <= 64) return found
  throw new UsageError(`--name '${found}': takes 1 to 64 characters`)
}

async function show(text: string, options: { readonly out?: string; readonly json?: boolean }): Promise<void> {
  const versions = await import('../versions/index.ts')
  const manifest = await manifestOf(text, 'manifest')
  const { spec } = await versions.openManifest(manifest, text)
  const digest = versions.manifestDigest(manifest)
  const cid = versions.manifestCid(manifest)
  const bytes = versions.encodeManifest(manifest)
  if (options.out !== undefined) await replaceFile(options.out, bytes)
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ name: manifest.name, digest, cid, parameters: spec.parameterCount, manifest })}\n`,
    )
    return
  }
  const { input, task, rounds, vote } = manifest
  const rows = [
    ['name', manifest.name],
    ['digest', digest],
    ['cid', `${cid} (${bytes.length} bytes)`],
    ['model', `${spec.name}, ${spec.parameterCount.toLocaleString('en-US')} parameters`],
    [
      'input',
      input.kind === 'table'
        ? `table: ${input.features.join(', ')}; label ${input.label}`
        : `picture of ${input.shape.join('×')}`,
    ],
    ['classes', task.classes.join(', ')],
    ['vote', `${vote.metric} on ${100 * vote.holdOut} % held out, may fall by ${vote.tolerance}`],
    [
      'updates',
      `entries to ${rounds.clipBound}, norm to ${rounds.clipNorm}, at most ${rounds.maxSamples} samples a keeper`,
    ],
    ['strategy', rounds.strategy?.kind ?? 'the mean is added'],
    [
      'privacy',
      rounds.privacy === undefined ? 'no noise' : `σ ${rounds.privacy.noiseMultiplier}, δ ${rounds.privacy.delta}`,
    ],
  ]
  process.stdout.write(`${rows.map(([key, value]) => `${key!.padEnd(9)} ${value}`).join('\n')}\n`)
}

function sampleText({ input, classes, train, test }: Sample): string {
  const form =
    input.kind === 'table'
      ? `table of ${input.features.length} columns (${some(input.features)}), label '${input.label}'`
      : `pictures of ${input.shape.join('×')}`
  return `${form}; ${classes.length} classes (${some(classes)}); ${train.count} samples train, ${test.count} judge`
}

const some = (names: readonly string[]): string => `${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`

function reportText(out: string, manifest: ServiceManifest, report: DraftReport): string {
  const { accuracy, headroom, encryption, proof } = report
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const { clipBound, clipNorm } = manifest.rounds
  return [
    `manifest    ${out}`,
    `digest      ${report.digest}`,
    `cid         ${report.cid}`,
    `parameters  ${report.parameters.toLocaleString('en-US')}`,
    `accuracy    ${percent(accuracy.float)} after ${accuracy.rounds} rounds, ${percent(accuracy.proven)} as it is proven`,
    `headroom    weights may grow to ${headroom.factor} times; ${percent(headroom.clippedShare)} clipped in the rounds played`,
    `updates     entries to ${clipBound}, norm to ${clipNorm}`,
    `a round     ${kilobytes(encryption.updateBytes)} update, ${kilobytes(encryption.shareBytes)} decryption share; ${encryption.precisionBits} bits of precision`,
    `a proof     ${proof.constraints.toLocaleString('en-US')} constraints, about ${proof.seconds.toFixed(1)} s, ${proof.gas.toLocaleString('en-US')} gas`,
    'next        put the digest into the service’s parameters on the chain (`service.manifest` of a deployment),',
    `            and start with \`cohort keeper init --service ADDRESS --rpc URL --manifest ${out}\``,
  ].join('\n')
}

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000).toLocaleString('en-US')} kB`
