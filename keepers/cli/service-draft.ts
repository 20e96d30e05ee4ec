// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a manifest from a sample of data, and perhaps a model: the options of `cohort service new` and `cohort new`, and what they do.
import { basename, extname } from 'node:path'
import { type Command, Option } from 'commander'
import type { DraftReport, LossName, Sample, SampleOptions } from '../services/index.ts'
import type { ServiceManifest, ServiceTask } from '../versions/index.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { type ProgressLine, wholeNumber } from './learning-options.ts'
import { sampleText } from './service-text.ts'

export type DraftingOptions = {
  readonly data?: string
  readonly target?: string
  readonly array?: string
  readonly ignore?: string[]
  readonly text?: string
  readonly vocabulary?: string
  readonly bytes?: boolean
  readonly places?: number
  readonly embedding?: number
  readonly grams?: number
  readonly task?: ServiceTask['kind']
  readonly unit?: string
  readonly loss?: LossName
  readonly balance?: boolean
  readonly separator?: string
  readonly model?: string
  readonly weights?: boolean
  readonly name?: string
  readonly rounds: number
  readonly keepers: number
  readonly decryptions: number
  readonly total?: number
  readonly layerGroups?: number
  readonly json?: boolean
}

/** Adds the options for data, target, model and number of members. */
export function draftOptions(command: Command): Command {
  return command
    .option(
      '--data <path>',
      'a CSV file, arrays (.npz, .npy, .safetensors, .json), a folder of IDX files or of pictures by class (default: digits)',
    )
    .option('--target <name>', 'CSV: the column to learn (default: the last); arrays: the array of labels (default: y)')
    .option('--array <name>', 'arrays: the array of samples (default: x; for an .npy file, its name)')
    .option('--ignore <column...>', 'CSV: columns that the model does not get')
    .option('--text <column>', 'CSV: the column of text; the model reads only this column')
    .option('--places <n>', 'text: number of places to which words are hashed', wholeNumber(16), 1024)
    .option('--grams <n>', 'text: also count runs of up to this many words', wholeNumber(1))
    .option(
      '--embedding <n>',
      'text: average embeddings of the words, of this many numbers each, and decide by the average (default: a linear model of the words)',
      wholeNumber(2),
    )
    .option('--vocabulary <file>', 'text: the words that count, one per line, instead of hashes')
    .option('--bytes', 'text: count bytes instead of words')
    .addOption(
      new Option('--task <kind>', 'CSV, arrays: kind of the target (default: from its values)').choices([
        'classification',
        'labels',
        'regression',
      ]),
    )
    .option('--unit <text>', 'regression: the unit of the amount, for display')
    .addOption(
      new Option('--loss <name>', 'regression: the error that training minimises').choices(['mse', 'mae', 'huber']),
    )
    .option('--balance', 'classification: let rare classes weigh as much as frequent ones')
    .option('--separator <character>', 'labels: what separates several labels in one field (default: |)')
    .option(
      '--model <name-or-file>',
      'a named model, a tfjs LayersModel’s model.json, or an .onnx file (default: a small network)',
    )
    .option('--weights', 'also start from the weights of the .onnx file (default: from random weights)')
    .option('--name <text>', 'name of the service for people (default: the name of the file)')
    .option('--rounds <n>', 'rounds to simulate for measuring weights and updates', wholeNumber(1), 50)
    .option('--keepers <n>', 'most members that the encryption must serve', wholeNumber(2), 16)
    .option('--decryptions <n>', 'rounds under one key, as the chain’s decryptionsPerEpoch', wholeNumber(1), 64)
    .option('--total <n>', 'samples of all members together (default: as many as in the data)', wholeNumber(1))
    .option('--layer-groups <n>', 'divide the layers into this many groups, which rounds cover in turn', wholeNumber(2))
}

export type Drafted = {
  readonly sample: Sample
  readonly manifest: ServiceManifest
  readonly report: DraftReport
  readonly start?: Uint8Array
}

/** @throws LearningError, VersionError; the signal's reason */
export async function draft(options: DraftingOptions, line: ProgressLine, signal: AbortSignal): Promise<Drafted> {
  const { chooseArchitecture, draftService, readSample } = await import('../services/index.ts')
  const name = nameOf(options)
  const sample = await readSample(options.data ?? null, await tableOptions(options))
  if (options.json !== true) line.lasting(sampleText(sample))
  const spec = await chooseArchitecture(options.model, sample, options.embedding)
  const start = await startFile(options)
  const { keepers, decryptions: decryptionsPerEpoch, rounds, total } = options
  const drafted = await draftService({
    ...{ name, spec, sample, signal, keepers, decryptionsPerEpoch, rounds },
    ...(total === undefined ? {} : { total }),
    ...(options.layerGroups === undefined ? {} : { layerGroups: options.layerGroups }),
    ...(start === undefined ? {} : { start }),
    onProgress: (text) => line.update(text),
  })
  return { sample, ...drafted, ...(start === undefined ? {} : { start }) }
}

async function startFile({ model, weights }: DraftingOptions): Promise<Uint8Array | undefined> {
  if (weights !== true) return undefined
  if (model === undefined || extname(model).toLowerCase() !== '.onnx') {
    throw new UsageError(`--weights: needs --model FILE.onnx, found ${model ?? 'none'}`)
  }
  const { readFile } = await import('node:fs/promises')
  return await readFile(model)
}

export function nameOf({ name, data }: Pick<DraftingOptions, 'name' | 'data'>): string {
  const found = name ?? (data === undefined ? 'digits' : basename(data, extname(data)))
  if (found.length >= 1 && found.length <= 64) return found
  throw new UsageError(`--name '${found}': takes 1 to 64 characters`)
}

async function tableOptions(options: DraftingOptions): Promise<SampleOptions> {
  const { text, vocabulary, bytes, places, embedding, grams } = options
  for (const [flag, value] of Object.entries({ vocabulary, bytes, embedding, grams })) {
    if (value !== undefined && text === undefined) throw new UsageError(`--${flag} is about a --text`)
  }
  if (vocabulary !== undefined && grams !== undefined) throw new UsageError('--grams: a --vocabulary is of words')
  if (bytes === true && (vocabulary ?? grams) !== undefined) {
    throw new UsageError('--bytes: neither --vocabulary nor --grams is about bytes')
  }
  const pooling = embedding === undefined ? {} : { pooling: 'mean' as const }
  const keys = ['target', 'array', 'ignore', 'text', 'task', 'unit', 'loss', 'balance', 'separator'] as const
  const chosen = Object.fromEntries(keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])))
  if (text === undefined) return chosen
  if (bytes === true) return { ...chosen, tokenizer: { kind: 'bytes', ...pooling } }
  if (vocabulary === undefined) {
    return {
      ...chosen,
      tokenizer: { kind: 'hashed', of: 'words', shortest: 1, longest: grams ?? 1, buckets: places ?? 1024, ...pooling },
    }
  }
  const { readFile } = await import('node:fs/promises')
  const content = await readFile(vocabulary, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${vocabulary}: ${cause.code}`, EXIT.noInput)
  })
  const words = [...new Set(content.split(/\s+/).map((word) => word.toLowerCase()))].filter((word) => word !== '')
  return { ...chosen, tokenizer: { kind: 'words', words, ...pooling } }
}
