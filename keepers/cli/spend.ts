// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort spend`: the fraud model of spending guards, and verdicts for transactions above an account's limits.
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { GuardedSpend, GuardQuestion } from '../apps/spending/index.ts'
import type { Reading } from '../serving/index.ts'
import { type ChainOptions, chainCommand, parseAddress, withEndpoint } from './chain-command.ts'
import { CommandError, EXIT } from './failure.ts'
import { circuitLines } from './zkml/circuit-lines.ts'
import { proofFileText } from './zkml/proof-file.ts'
import { emit, fieldElement, percent, usage, wholeNumber, withTerminal } from './zkml/terminal.ts'

const JSON_FLAG = ['--json', 'print the result as JSON'] as const
const ORIGINS = ['owners', 'module', 'hook'] as const

type ToldOptions = ChainOptions & {
  readonly features?: readonly number[]
  readonly guard?: string
  readonly of?: string
  readonly to?: string
  readonly value: bigint
  readonly calldata: string
  readonly origin: (typeof ORIGINS)[number]
}
type ProveOptions = ToldOptions & { readonly context?: bigint; readonly out?: string; readonly send?: boolean }

export function registerSpend(program: Command): void {
  const spend = program
    .command('spend')
    .description('judge transactions above a limit, and prove the verdict to the guard')

  spend
    .command('train')
    .description('train the fraud model from nothing; the seed gives the same bits everywhere')
    .option('--seed <n>', 'accounts, first weights and order of samples', wholeNumber('--seed', 0, 0xffff_ffff), 1)
    .option('--out <file>', 'file for the model (default: standard output)')
    .option(...JSON_FLAG)
    .action(train)

  spend
    .command('circuit <folder>')
    .description('compile the model into a circuit; then: cohort zkml setup <folder> --local')
    .option('--model <file>', 'a model that `train` wrote (default: the one of this release)')
    .option(...JSON_FLAG)
    .action(circuit)

  told(spend, 'read', 'judge a transaction with the circuit of a folder, without a proof').action(read)

  told(spend, 'prove', 'prove the circuit’s judgement of a transaction, for a guard')
    .option('--context <number>', 'with --features: from statementOf of the guard', fieldElement('--context'))
    .option('--send', 'bring the verdict to the guard, with --keystore or --account')
    .option('--out <file>', 'file for the proof (default: standard output; with --send, none)')
    .action(prove)
}

/** A command about one transaction, given by its features or looked up at a guard. */
function told(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, `${name} <folder>`, description)
    .option('--features <list>', 'eight numbers from 0 to 31, with commas, instead of asking a guard', parseFeatures)
    .option('--guard <address>', 'the SpendingGuard (default: from the deployment)', parseAddress)
    .option('--of <address>', 'the guarded account that makes the transaction', parseAddress)
    .option('--to <address>', 'address that the transaction calls', parseAddress)
    .addOption(new Option('--value <wei>', 'amount that it sends').argParser(parseWei).default(0n, '0'))
    .option('--calldata <hex>', 'calldata of the call', parseBytes, '0x')
    .addOption(new Option('--origin <who>', 'who starts it').choices(ORIGINS).default('owners'))
}

async function train(options: { readonly seed: number; readonly out?: string; readonly json?: boolean }) {
  const { savedSpendModel, trainSpendModel } = await import('../apps/spending/index.ts')
  await withTerminal(options, async (terminal) => {
    const trained = await trainSpendModel({
      seed: options.seed,
      signal: terminal.signal,
      onProgress: ({ epoch, epochs, accuracy }) =>
        terminal.progress(`training, epoch ${Math.min(epoch + 1, epochs)} of ${epochs}: ${percent(accuracy)}`),
    })
    await emit(savedSpendModel(trained, options.seed), options.out)
    if (options.out === undefined) return
    const { accuracy, recall, falseAlarms, thefts, ordinary } = trained.test
    terminal.result(
      { model: options.out, ...trained.test, unseenRecall: trained.unseenRecall },
      [
        options.out,
        `on accounts that training never saw: ${thefts} thefts, ${ordinary} transactions of owners`,
        `accuracy      ${percent(accuracy)}`,
        `thefts found  ${percent(recall)}, at ${percent(falseAlarms)} false alarms`,
        `of a pattern that training never saw  ${percent(trained.unseenRecall)}`,
      ].join('\n'),
    )
  })
}

async function circuit(folder: string, options: { readonly model?: string; readonly json?: boolean }) {
  const { readFile } = await import('node:fs/promises')
  const { SPEND_CIRCUIT, spendModel, spendProgram } = await import('../apps/spending/index.ts')
  const { compileFolder } = await import('../zkml/index.ts')
  await withTerminal(options, async (terminal) => {
    const model = options.model === undefined ? undefined : await readFile(options.model, 'utf8')
    const program = spendProgram(spendModel(model))
    terminal.progress('compiling the circuit; seconds')
    const { manifest } = await compileFolder({ folder, program, options: SPEND_CIRCUIT, signal: terminal.signal })
    terminal.result(manifest, circuitLines(folder, manifest).join('\n'))
  })
}

async function read(folder: string, options: ToldOptions) {
  const { readSpend } = await import('../apps/spending/index.ts')
  const { openFolder } = await import('../zkml/index.ts')
  const { program } = await openFolder(folder)
  await withSpend(options, async ({ bytes, question }) => {
    const reading = readSpend(program, bytes)
    const asked = question === null ? null : await standing(question, reading)
    await withTerminal(options, async (terminal) => {
      const text = [await described(bytes, reading), ...(asked === null ? [] : [asked.text])].join('\n')
      terminal.result({ ...plain(bytes, reading), ...(asked === null ? {} : asked.json) }, text)
    })
  })
}

async function prove(folder: string, options: ProveOptions) {
  const { approves, bringVerdict, proveSpend, readSpend, requireModelOf } = await import('../apps/spending/index.ts')
  const { InferenceProver, openFolder } = await import('../zkml/index.ts')
  if (options.features !== undefined && options.context === undefined) throw usage('--features needs --context')
  if (options.features === undefined && options.context !== undefined) {
    throw usage('--context goes with --features; a guard says the context itself')
  }
  if (options.send === true && options.features !== undefined) throw usage('--send needs a guard, not --features')
  const { program } = await openFolder(folder)
  await withSpend(options, async ({ bytes, question, guard, signer }) => {
    if (options.send === true && signer === undefined) throw usage('--send needs an account: --keystore or --account')
    const expected = readSpend(program, bytes)
    if (question !== null && !approves(question, expected)) {
      const { text } = await standing(question, expected)
      throw new CommandError(`the policy would refuse: ${text.replaceAll('\n', '; ')}`, EXIT.failure)
    }
    await withTerminal(options, async (terminal) => {
      const { signal, progress } = terminal
      progress('loading the circuit and its key')
      const prover = await InferenceProver.open(folder, { signal })
      try {
        if (question !== null) requireModelOf(question, prover)
        progress('proving')
        const { reading, proof } = await proveSpend(prover, bytes, question?.context ?? options.context!, { signal })
        const { circuitId } = prover.circuit.folder.manifest
        const { vkHash, setup } = prover.metadata
        const file = proofFileText(proof, { circuitId, vkHash, setup })
        if (options.send !== true || options.out !== undefined) await emit(file, options.out)
        if (options.send !== true) return progress(await described(bytes, reading))
        progress('bringing the verdict')
        const sent = await bringVerdict(guard!, signer!, question!, proof)
        terminal.result(
          { ...plain(bytes, reading), ...sent, gasUsed: String(sent.gasUsed), validUntil: question!.validUntil },
          `${await described(bytes, reading)}\nverdict accepted in ${sent.transaction}, ${sent.gasUsed} gas; ` +
            `execute before ${new Date(1000 * question!.validUntil).toISOString()}`,
        )
      } finally {
        await prover.close()
      }
    })
  })
}

type Told = {
  readonly bytes: Uint8Array
  readonly question: GuardQuestion | null
  readonly guard: string | null
  readonly signer: import('ethers').Signer | undefined
}

/** The bytes that the model judges: from the options, or as the guard computes them now. */
async function withSpend(options: ToldOptions, body: (told: Told) => Promise<void>): Promise<void> {
  const { askGuard, encodeSpend } = await import('../apps/spending/index.ts')
  if (options.features !== undefined) {
    const bytes = encodeSpend(options.features)
    return await body({ bytes, question: null, guard: null, signer: undefined })
  }
  const { of, to } = options
  if (of === undefined || to === undefined) throw usage('say --features, or the transaction: --of and --to')
  const { readDeployment } = await import('../chain/index.ts')
  const deployment = options.guard === undefined ? await readDeployment(options.deployment) : undefined
  const guard = options.guard ?? deployment!.contracts.SpendingGuard
  await withEndpoint(options, deployment?.chainId, async ({ provider, signer }) => {
    const question = await askGuard(guard, provider, of, spendOf(to, options))
    await body({ bytes: question.bytes, question, guard, signer })
  })
}

function spendOf(to: string, { value, calldata, origin }: ToldOptions): GuardedSpend {
  // A guard refuses every delegate call, whatever a model says.
  return { to, value, data: calldata, operation: 0, origin: ORIGINS.indexOf(origin) }
}

/** The guard's policy applied to a reading. */
async function standing(question: GuardQuestion, reading: Reading) {
  const { approves } = await import('../apps/spending/index.ts')
  const { approvedLabel, margins, minMargin, validUntil, modelId } = question
  const approved = approves(question, reading)
  const wanted = margins
    ? `label ${approvedLabel} with a margin of at least ${minMargin}`
    : `label ${approvedLabel} without a margin: this model gives none`
  const answer = `label ${reading.label} with ${reading.margin}`
  return {
    json: { approved, modelId: String(modelId), approvedLabel, minMargin: String(minMargin), validUntil },
    text: `policy    ${approved ? 'approves' : `asks for ${wanted}, the model says ${answer}`}`,
  }
}

async function described(bytes: Uint8Array, { label, margin }: Reading): Promise<string> {
  const { SPEND_VERDICTS } = await import('../apps/spending/index.ts')
  return `features  ${featuresIn(bytes).join(' ')}\nlabel     ${label} (${SPEND_VERDICTS[label]})\nmargin    ${margin}`
}

/** JSON has no integers of that size. */
function plain(bytes: Uint8Array, { label, margin, output }: Reading) {
  return { features: featuresIn(bytes), label, margin: String(margin), output: String(output) }
}

function featuresIn(bytes: Uint8Array): number[] {
  return [...bytes.subarray(-8)]
}

function parseFeatures(text: string): number[] {
  if (!/^\d{1,3}(,\d{1,3}){7}$/.test(text)) throw new InvalidArgumentError('eight numbers with commas are needed.')
  return text.split(',').map(Number)
}

function parseWei(text: string): bigint {
  if (!/^\d{1,78}$/.test(text)) throw new InvalidArgumentError('a whole number of wei is needed.')
  return BigInt(text)
}

function parseBytes(text: string): string {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text))
    throw new InvalidArgumentError('0x and whole bytes in hexadecimal are needed.')
  return text
}
