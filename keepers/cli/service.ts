// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort service`: make the manifest of a service from a sample of data and a model, and look at manifests.
import { existsSync } from 'node:fs'
import process from 'node:process'
import { type Command, Option } from 'commander'
import type { ServiceManifest } from '../versions/index.ts'
import type { ProofSystem } from '../zkml/index.ts'
import { chainCommand, print } from './chain-command.ts'
import { type ProposingOptions, printProposal, withClient } from './dao-session.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { ProgressLine, replaceFile, wholeNumber } from './learning-options.ts'
import { manifestOf, provableDigest } from './manifest-option.ts'
import { plainText } from './plain-text.ts'
import { type DraftingOptions, draft, draftOptions } from './service-draft.ts'
import { registerServiceGraph } from './service-graph.ts'
import { registerServiceSimulate } from './service-simulate.ts'
import { registerServiceStrategy } from './service-strategy.ts'
import { inputText, reportText, taskRows } from './service-text.ts'
import { shellWord } from './shell-word.ts'
import { interruptible } from './stopping.ts'

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
    .description('make a service of your own: its manifest from data and a model, its circuit, its place on the chain')

  draftOptions(
    service
      .command('new')
      .description(
        'make a manifest from a sample of data, and perhaps a model, with a circuit plan calibrated on the data',
      ),
  )
    .requiredOption('--out <file>', 'file for the manifest')
    .option('--force', 'replace an existing file')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: DraftingOptions & { out: string; force?: boolean }) =>
      interruptible((signal) => create(options, signal)),
    )

  service
    .command('show')
    .description('show what a manifest says, its digest and its CID, after checking that its model is provable')
    .argument('<manifest>', 'a file, or the name of an example')
    .option('--out <file>', 'also write the canonical document to this file')
    .option('--json', 'print JSON')
    .action(show)

  registerServiceStrategy(service)
  registerServiceSimulate(service)
  registerServiceGraph(service)

  chainCommand(
    service,
    'create',
    'propose to the DAO a service with this manifest and the parameters of an existing service',
  )
    .argument('<manifest>', 'a file, or the name of an example')
    .option('--name <text>', 'the service’s name on the chain (default: the manifest’s name)')
    .option('--like <name-or-address>', 'the service whose parameters it gets (default: the only one)', '')
    .option(
      '--buffer <n>',
      'number of updates with which Training ends without waiting for slower members; 0: it waits for all',
      wholeNumber(0),
    )
    .option(
      '--max-staleness <n>',
      'with a buffer: completed rounds that an update may be behind, 1 to 7',
      wholeNumber(0),
    )
    .option('--now', 'on a development node: create it at once, without a vote')
    .option('--quiet', 'print only the id of the proposal (with --now: the address)')
    .action(async (text: string, options: ProposingOptions & CreationOptions) => {
      const asynchrony = asynchronyOf(options)
      const [manifest, digest] = await Promise.all([manifestOf(text, 'manifest'), provableDigest(text, 'manifest')])
      if (asynchrony.maxStaleness) await refuseUnlessCarried(manifest)
      await withClient(options, async (client) => {
        const terms = { name: options.name ?? manifest.name, manifest: digest, ...asynchrony }
        if (options.now === true) {
          const made = await client.createServiceNow(options.like, terms)
          return print(
            options,
            made,
            options.quiet === true ? made.service : `The service ${terms.name} is at ${made.service}.`,
          )
        }
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
    .requiredOption('--out <folder>', 'folder for the circuit')
    .option(
      '--output <what>',
      'what a proof shows: label, margin, value, or one of several labels (default: the plan’s)',
    )
    .addOption(
      new Option('--system <name>', 'proof system; `service new` prices both')
        .choices(['groth16', 'groth16-lookup'] satisfies ProofSystem[])
        .default('groth16'),
    )
    .option('--local', 'also make a proving key on your own: for development only, since its maker could forge proofs')
    .option('--json', 'print JSON')
    .action(async (text: string, options: CircuitCommandOptions) =>
      interruptible((signal) => circuit(text, options, signal)),
    )

  service
    .command('row')
    .description(
      'write the model’s input for one row of a table or one sample of an array, scaled as the manifest says: the input of a request',
    )
    .argument('<manifest>', 'a file')
    .requiredOption(
      '--data <file>',
      'a CSV file with the manifest’s columns, or a file with its arrays; the label may be missing',
    )
    .option('--row <n>', 'number of the row below the header, or of the sample, from 1', wholeNumber(1), 1)
    .requiredOption('--out <file>', 'file for the JSON list')
    .action(row)
}

/** The contract's bound on `maxStaleness` (ServiceParameters). */
const MOST_STALE = 7

type CreationOptions = {
  readonly name?: string
  readonly like: string
  readonly now?: boolean
  readonly buffer?: number
  readonly maxStaleness?: number
}

/** The parameters of rounds that do not wait for slower members; empty if the options leave them unchanged. @throws UsageError */
function asynchronyOf({ buffer, maxStaleness }: CreationOptions): { buffer?: number; maxStaleness?: number } {
  if (buffer === undefined && maxStaleness === undefined) return {}
  if (buffer === 0 && !maxStaleness) return { buffer, maxStaleness: 0 }
  if (buffer === undefined || buffer === 0 || !maxStaleness || maxStaleness > MOST_STALE) {
    throw new UsageError(
      `--buffer ${buffer ?? '(missing)'} --max-staleness ${maxStaleness ?? '(missing)'}: give both, with a staleness of 1 to ${MOST_STALE}; --buffer 0 turns both off`,
    )
  }
  return { buffer, maxStaleness }
}

/** @throws UsageError for a manifest under which an update cannot be delivered in a later round than the one in which it was begun */
async function refuseUnlessCarried({ rounds }: ServiceManifest): Promise<void> {
  const { whyNotCarried } = await import('../versions/index.ts')
  const why = whyNotCarried(rounds)
  if (why !== null) throw new UsageError(`--max-staleness: ${why}`)
}

type CircuitCommandOptions = {
  readonly out: string
  readonly output?: string
  readonly system: ProofSystem
  readonly local?: boolean
  readonly json?: boolean
}

async function circuit(text: string, options: CircuitCommandOptions, signal: AbortSignal): Promise<void> {
  const [{ outputNamed, serviceCircuit }, { setupFolder }] = await Promise.all([
    import('../services/index.ts'),
    import('../zkml/index.ts'),
  ])
  if (existsSync(options.out)) throw new CommandError(`${options.out} is there already: give another --out`, EXIT.usage)
  const line = new ProgressLine()
  try {
    const manifest = await manifestOf(text, 'manifest')
    line.update('compiling the circuit; seconds to a minute')
    const { manifest: made } = await serviceCircuit(manifest, options.out, {
      ...(options.output === undefined ? {} : { output: outputNamed(manifest, options.output) }),
      ...{ system: options.system, signal },
    })
    if (options.local === true) {
      line.update('making a proving key')
      await setupFolder(options.out, { signal })
    }
    line.clear()
    if (options.json === true) process.stdout.write(`${JSON.stringify({ folder: options.out, ...made })}\n`)
    else {
      const next =
        options.local === true ? '' : `; next: \`cohort zkml setup ${shellWord(options.out)} --local\`, or a ceremony`
      process.stdout.write(
        `${options.out}: ${made.constraints.toLocaleString('en-US')} constraints by ${made.system}, id ${made.circuitId}${next}\n`,
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
  const [{ tableRow }, { tensorOfInput }, { tableText, tensorSample }, { readFile }] = await Promise.all([
    import('../services/index.ts'),
    import('../versions/index.ts'),
    import('../learning/index.ts'),
    import('node:fs/promises'),
  ])
  const { input } = await manifestOf(text, 'manifest')
  if (input.kind === 'picture') {
    throw new UsageError(`${text} takes a picture: \`cohort learning samples\` writes pictures`)
  }
  if (input.kind === 'tensor') {
    const values = await tensorSample(options.data, tensorOfInput(input)!, input.shape, options.row)
    return await replaceFile(options.out, `${JSON.stringify(values)}\n`)
  }
  const content = await readFile(options.data).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${options.data}: ${cause.code}`, EXIT.noInput)
  })
  await replaceFile(
    options.out,
    `${JSON.stringify(tableRow(input, tableText(content, options.data), options.data, options.row))}\n`,
  )
}

async function create(
  options: DraftingOptions & { readonly out: string; readonly force?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { out } = options
  if (existsSync(out) && options.force !== true) {
    throw new CommandError(`${out} is there already: give another --out, or --force to replace it`, EXIT.usage)
  }
  const line = new ProgressLine()
  try {
    const { manifest, report } = await draft(options, line, signal)
    const { encodeManifest } = await import('../versions/index.ts')
    await replaceFile(out, encodeManifest(manifest))
    line.clear()
    if (options.json === true) process.stdout.write(`${JSON.stringify({ manifest: out, ...report })}\n`)
    else process.stdout.write(`${reportText(out, manifest, report)}\n`)
  } finally {
    line.clear()
  }
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
    ['input', inputText(input, (names) => names.join(', '))],
    ...taskRows(task),
    [
      'vote',
      `${vote.metric} on ${100 * vote.holdOut} % held out, may ${
        vote.metric === 'loss' ? `rise by ${100 * vote.tolerance} %` : `fall by ${vote.tolerance}`
      }`,
    ],
    [
      'updates',
      `entries to ${rounds.clipBound}, norm to ${rounds.clipNorm}, at most ${rounds.maxSamples} samples a keeper`,
    ],
    ...(rounds.layerGroups ?? []).map(({ name, layers }, i) => [
      i === 0 ? 'layers' : '',
      `${i === 0 ? 'in turn: ' : '         '}${name} (${layers.join(', ')})`,
    ]),
    ['strategy', rounds.strategy?.kind ?? 'the mean is added'],
    [
      'privacy',
      rounds.privacy === undefined ? 'no noise' : `σ ${rounds.privacy.noiseMultiplier}, δ ${rounds.privacy.delta}`,
    ],
  ]
  process.stdout.write(plainText(`${rows.map(([key, value]) => `${key!.padEnd(9)} ${value}`).join('\n')}\n`))
}
