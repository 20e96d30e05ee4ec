// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort nested`, once the options are read.
import { readFile } from 'node:fs/promises'
import { formatEther, parseEther, type Signer, ZeroAddress } from 'ethers'
import { z } from 'zod'
import { systemClock } from '../chain/index.ts'
import { parseJson } from '../learning/index.ts'
import {
  type Audit,
  auditRound,
  deployNested,
  type EnsembleTerms,
  NestedClient,
  type QuestionView,
  readQuestion,
} from '../nested/index.ts'
import { prepareInput } from '../serving/index.ts'
import { openManifest } from '../versions/index.ts'
import { openFolder } from '../zkml/index.ts'
import { type ChainOptions, type ChainSession, print, withChain } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { manifestOf } from './manifest-option.ts'
import { interruptible } from './stopping.ts'

type TreeOptions = ChainOptions & { readonly tree?: string }
type EnsembleOptions = ChainOptions & { readonly ensembles?: string }
type LabelOptions = ChainOptions & { readonly labelsAt?: string }

export async function deploy(options: ChainOptions): Promise<void> {
  await withChain(options, async ({ deployment, signer }) => {
    const { ModelRegistry: models, InferenceHub: hub } = deployment.contracts
    const made = await deployNested(acting(signer), { models, hub })
    const { tree, ensembles, labels } = made
    print(options, made, `export COHORT_TREE=${tree} COHORT_ENSEMBLES=${ensembles} COHORT_LABELS=${labels}`)
  })
}

export async function open(
  upper: string,
  options: TreeOptions & { level: number; hybrid?: boolean; others?: string },
): Promise<void> {
  const { level, hybrid = false, others = ZeroAddress } = options
  if (others !== ZeroAddress && !hybrid)
    throw new UsageError('--others is about keepers that represent no service: add --hybrid')
  const tree = given(options.tree, '--tree ADDRESS, or COHORT_TREE')
  await withClient(options, async (client) => {
    await client.open(tree, upper, level, hybrid, others)
    const note = hybrid
      ? ' Updates of representatives are public: keepers of their own train only in rounds with enough of them (docs/uses/nested.md).'
      : ''
    print(options, { upper, level, hybrid, others }, `${upper} is open at level ${level}.${note}`)
  })
}

export async function invite(
  action: 'invite' | 'uninvite',
  upper: string,
  lower: string,
  options: TreeOptions,
): Promise<void> {
  const tree = given(options.tree, '--tree ADDRESS, or COHORT_TREE')
  await withClient(options, async (client) => {
    await client[action](tree, upper, lower)
    print(options, { upper, lower }, `${lower} is ${action}d ${action === 'invite' ? 'to' : 'from'} ${upper}.`)
  })
}

export async function appoint(upper: string, lower: string, options: TreeOptions & { keeper?: string }): Promise<void> {
  const { keeper = ZeroAddress } = options
  const tree = given(options.tree, '--tree ADDRESS, or COHORT_TREE')
  await withClient(options, async (client) => {
    await client.appoint(tree, upper, lower, keeper)
    const who = keeper === ZeroAddress ? 'nobody represents it any more' : `keeper ${keeper} represents it`
    print(options, { upper, lower, keeper }, `${lower} in ${upper}: ${who}.`)
  })
}

/** Recomputes a round. Exit code 1 if the model does not follow from the members' versions. */
export async function audit(
  upper: string,
  options: TreeOptions & { round: number; manifest: string; folder: string },
): Promise<void> {
  const tree = given(options.tree, '--tree ADDRESS, or COHORT_TREE')
  const manifest = await manifestOf(options.manifest, '--manifest')
  const model = await openManifest(manifest, options.manifest)
  await withChain(options, async ({ deployment, provider }) =>
    interruptible(async (signal) => {
      const { DataPlane } = await import('../network/index.ts')
      const plane = await DataPlane.start({
        folder: options.folder,
        identitySeed: crypto.getRandomValues(new Uint8Array(32)),
      })
      try {
        const { fromBlock } = deployment
        const source = {
          provider,
          endpoints: provider,
          clock: systemClock,
          plane,
          tree,
          upper,
          manifest,
          model,
          fromBlock,
        }
        const found = await auditRound(source, options.round, signal)
        print(options, found, auditText(found))
        if (found.verdict === 'differs') {
          throw new CommandError(
            `round ${options.round}: at least one member did not submit its service's version`,
            EXIT.failure,
          )
        }
      } finally {
        await plane.stop()
      }
    }),
  )
}

function auditText({ round, verdict, difference, tolerance, seats }: Audit): string {
  const size =
    difference === null
      ? 'a keeper that represented no service contributed'
      : `largest difference ${difference.toExponential(2)}`
  const lines = seats.map(({ seat, lower, version, samples, dismissed, suspect, staleVersion }) => {
    const stale = staleVersion === null ? '' : `: its version ${staleVersion} explains it`
    const why = dismissed
      ? 'contributed though it had ceased to represent its service'
      : `could explain the difference alone${stale}`
    const note = suspect ? `  ${why}` : ''
    return `seat ${seat}  ${lower ?? 'no service'}  ${version === null ? '' : `version ${version}, `}${samples} samples${note}`
  })
  return [`round ${round}: ${verdict} (${size}, up to ${tolerance.toExponential(2)} is rounding)`, ...lines].join('\n')
}

export async function found(options: EnsembleOptions & EnsembleTerms): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  const { rule, minAnswers, quorum, majority, range, scale = 0n } = options
  await withClient(options, async (client) => {
    const ensembleId = await client.found(at, { rule, minAnswers, quorum, majority, range, scale })
    print(options, { ensembleId }, `Ensemble ${ensembleId}.`)
  })
}

export async function join(
  id: number,
  options: EnsembleOptions & { modelId: number; weight: number; minMargin?: bigint },
): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  const { modelId, weight, minMargin = 0n } = options
  await withClient(options, async (client) => {
    await client.join(at, id, modelId, weight, minMargin)
    print(
      options,
      { ensembleId: id, modelId, weight },
      `The service of model ${modelId} is a member of ensemble ${id}.`,
    )
  })
}

export async function leave(id: number, options: EnsembleOptions & { service: string }): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  await withClient(options, async (client) => {
    await client.leave(at, id, options.service)
    print(options, { ensembleId: id, service: options.service }, `${options.service} has left ensemble ${id}.`)
  })
}

export async function ask(
  id: number,
  options: EnsembleOptions & { circuit: string; input: string; price: string; seconds: number },
): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  const queries = await inputsOf(options.circuit, options.input)
  const { price, seconds } = options
  await withClient(options, async (client) => {
    const questionId = await client.ask(at, id, queries, { price: parseEther(price), seconds })
    print(options, { questionId }, `Question ${questionId}.`)
  })
}

export async function close(id: number, options: EnsembleOptions): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  await withClient(options, async (client, { provider }) => {
    await client.close(at, id)
    const view = await readQuestion(provider, at, id)
    print(options, view, questionText(view))
  })
}

export async function question(id: number, options: EnsembleOptions): Promise<void> {
  const at = given(options.ensembles, '--ensembles ADDRESS, or COHORT_ENSEMBLES')
  await withChain(options, async ({ provider }) => {
    const view = await readQuestion(provider, at, id)
    print(options, view, questionText(view))
  })
}

function questionText({ questionId, status, value, lead, answers, asked, refund }: QuestionView): string {
  const result = value === null ? '' : `: ${value}, by ${lead} thousandths`
  return `question ${questionId}  ${status}${result}; ${answers} of ${asked.length} answers counted, ${formatEther(refund)} ether back`
}

export async function book(
  student: string,
  options: LabelOptions & {
    ensemble: number
    price: string
    labels: number
    budget: string
    lead: number
    seconds: number
  },
): Promise<void> {
  const at = given(options.labelsAt, '--labels-at ADDRESS, or COHORT_LABELS')
  const { ensemble: ensembleId, price, labels: maxLabels, lead: minLead, seconds: answerSeconds, budget } = options
  await withClient(options, async (client) => {
    const terms = { ensembleId, price: parseEther(price), maxLabels, minLead, answerSeconds }
    const bookId = await client.openBook(at, student, terms, parseEther(budget))
    print(options, { bookId }, `Book ${bookId}.`)
  })
}

/** Asks input by input, so that when the budget ends, the labels asked for so far are reported. */
export async function label(id: number, options: LabelOptions & { circuit: string; input: string }): Promise<void> {
  const at = given(options.labelsAt, '--labels-at ADDRESS, or COHORT_LABELS')
  const inputs = await inputsOf(options.circuit, options.input)
  await withClient(options, async (client) => {
    const questions: number[] = []
    try {
      for (const input of inputs) questions.push(await client.askLabel(at, id, input))
    } finally {
      print(options, { bookId: id, questions }, `Book ${id}: questions ${questions.join(', ') || 'none'}.`)
    }
  })
}

export async function record(id: number, options: LabelOptions): Promise<void> {
  const at = given(options.labelsAt, '--labels-at ADDRESS, or COHORT_LABELS')
  await withClient(options, async (client) => {
    const found = await client.record(at, id)
    const text =
      found === null ? 'no label: too little agreement' : `label ${found.label}, by ${found.lead} thousandths`
    print(options, { questionId: id, ...(found ?? { label: null }) }, `Question ${id}: ${text}.`)
  })
}

export async function drain(id: number, options: LabelOptions): Promise<void> {
  const at = given(options.labelsAt, '--labels-at ADDRESS, or COHORT_LABELS')
  await withClient(options, async (client) => {
    await client.drain(at, id)
    print(options, { bookId: id }, `Book ${id} is drained: the contract owes you what was in it.`)
  })
}

export async function withdraw(options: EnsembleOptions & LabelOptions): Promise<void> {
  const { ensembles, labelsAt } = options
  if (ensembles === undefined && labelsAt === undefined) {
    throw new UsageError('say from where: --ensembles ADDRESS, --labels-at ADDRESS, or COHORT_ENSEMBLES, COHORT_LABELS')
  }
  await withClient(options, async (client) => {
    const fetched = {
      ...(ensembles === undefined ? {} : { ensembles: await client.withdraw(ensembles) }),
      ...(labelsAt === undefined ? {} : { labels: await client.withdraw(labelsAt) }),
    }
    const text = Object.entries(fetched).map(([from, wei]) => `${formatEther(wei)} ether from ${from}`)
    print(options, fetched, `Sent: ${text.join(', ')}.`)
  })
}

const vector = z.array(z.number()).min(1)
const inputsSchema = z.union([z.array(vector).min(1).max(10_000), vector.transform((one) => [one])])

/** Rounds and commits to each input of a file. */
async function inputsOf(circuit: string, file: string) {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${file}: ${cause.code}`, EXIT.noInput)
  })
  const { program } = await openFolder(circuit)
  let inputs: number[][]
  try {
    inputs = inputsSchema.parse(parseJson(text))
  } catch (cause) {
    throw new CommandError(
      `${file}: a JSON list of numbers, or of such lists, is needed (${(cause as Error).name})`,
      EXIT.data,
    )
  }
  return inputs.map((input) => prepareInput(program, input))
}

async function withClient(
  options: ChainOptions,
  body: (client: NestedClient, session: ChainSession) => Promise<void>,
): Promise<void> {
  await withChain(options, (session) => body(new NestedClient(session.provider, acting(session.signer)), session))
}

function acting(signer: Signer | undefined): Signer {
  if (signer !== undefined) return signer
  throw new UsageError('say who acts: --keystore <file>, or --account <index> on a development node')
}

function given<T>(value: T | undefined, option: string): T {
  if (value === undefined) throw new UsageError(`${option} is needed`)
  return value
}
