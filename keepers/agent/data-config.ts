// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a keeper's config about its samples and its training.
import { isAddress } from 'ethers'
import { z } from 'zod'
import {
  MOST_WORKERS,
  type TrainerCommand,
  trainerCommandSchema,
  trainerEnvironmentSchema,
  trainerLimitsSchema,
} from '../learning/index.ts'
import { type ServiceManifest, takesDigits } from '../versions/index.ts'

const shardSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({
    kind: z.literal('dirichlet'),
    alpha: z.number().positive(),
    parts: z.int().min(1).max(256),
    index: z.int().min(0).max(255),
    seed: z.int().min(0).default(1),
  }),
  z.strictObject({
    kind: z.literal('iid'),
    parts: z.int().min(1).max(256),
    index: z.int().min(0).max(255),
    seed: z.int().min(0).default(1),
  }),
])

export const dataSchema = z.strictObject({
  /**
   * `digits`: MNIST's IDX files in `path`, or the project's own procedural digits without one. `idx`: a folder of IDX files.
   * `csv`: a file with the columns that the manifest names. `images`: a folder with one sub-folder of pictures per class.
   * `tensor`: a file with the arrays that the manifest names (.npz, .safetensors, .json), or a folder of .npy files.
   * `none`: no samples; the keeper does all the rest of a member's work.
   */
  source: z.enum(['digits', 'idx', 'csv', 'images', 'tensor', 'none']),
  /** `judge`: all samples serve to judge candidates, and none to train. */
  use: z.enum(['train', 'judge']).default('train'),
  path: z.string().min(1).optional(),
  /** csv, images, tensor: samples of the same form that are not trained on, for reportTest. */
  test: z.string().min(1).optional(),
  /** The part of the files that belongs to this keeper. Real keepers have separate files and take `all`. */
  shard: shardSchema.default({ kind: 'all' }),
  /** Also measure accepted models on the test files. */
  reportTest: z.boolean().default(false),
  /** Use at most this many samples of the shard. */
  limit: z.int().min(10).optional(),
})

const address = z
  .string()
  .refine((text) => isAddress(text), 'takes an address: 0x and 40 hex digits, with a valid checksum if in mixed case')

/** The service that this keeper represents, for `source: service`. */
const lowerSchema = z.strictObject({
  address,
  /** The ServiceTree in which that service has appointed this keeper. */
  tree: address,
  /** Block in which that service was deployed: where its versions start in the log. */
  fromBlock: z.int().min(0).default(0),
  /** Samples that the keeper declares, its weight in the mean; default: as many as the manifest allows. */
  samples: z.int().min(1).optional(),
})

/** The book of labels that this keeper learns from, for `source: pseudo-labels`. */
const labelsSchema = z.strictObject({
  /** The PseudoLabels contract. */
  address,
  /** The number of the book. */
  book: z.int().min(1),
  /** Block in which the contract was deployed. */
  fromBlock: z.int().min(0).default(0),
})

export const trainingSchema = z.strictObject({
  /**
   * `own`: train on the samples of `data`. `service`: the update is the newest version of the service that this keeper represents, less the
   * model. `pseudo-labels`: train on the samples of `data`, if there are some, and on inputs that an ensemble has labelled.
   */
  source: z.enum(['own', 'service', 'pseudo-labels']).default('own'),
  service: lowerSchema.optional(),
  labels: labelsSchema.optional(),
  epochs: z.int().min(1).max(1000).default(1),
  batchSize: z.int().min(1).max(4096).default(32),
  optimizer: z.enum(['sgd', 'adam']).default('adam'),
  learningRate: z.number().positive().max(10).default(0.002),
  /** Learning rate is multiplied by this each round. */
  decay: z.number().positive().max(1).default(1),
  /** FedProx term; 0 = none. */
  proximalMu: z.number().min(0).default(0),
  seed: z.int().min(0).default(1),
  /** Threads that share each batch. The same seed and number give the same bits; 1 is the training thread alone. */
  workers: z.int().min(1).max(MOST_WORKERS).default(1),
  /**
   * Names of the manifest's layer groups that this keeper trains; all by default. In a round of another group it takes part like a member
   * without samples.
   */
  layerGroups: z.array(z.string().min(1)).min(1).optional(),
  /** A program that replaces the keeper's own trainer; docs/trainers.md describes its input and output. */
  command: trainerCommandSchema.optional(),
  limits: trainerLimitsSchema.optional(),
  /** Environment variables of the program. */
  environment: trainerEnvironmentSchema.optional(),
})

export type DataConfig = z.infer<typeof dataSchema>
export type TrainingConfig = z.infer<typeof trainingSchema>

/** The program that trains in place of the keeper's own trainer, or null. */
export function trainerCommandOf({
  training,
  folder,
}: {
  readonly training: TrainingConfig
  readonly folder: string
}): TrainerCommand | null {
  const { command, limits, environment = {} } = training
  if (command === undefined) return null
  return { command, environment, folder, limits: trainerLimitsSchema.parse(limits ?? {}) }
}

/** The first mistake between the keys of `training`, or between them and the service's manifest; null if there is none. */
export function contradictionInTraining(
  training: TrainingConfig,
  { rounds }: Pick<ServiceManifest, 'rounds'>,
): string | null {
  const { layerGroups: known = [] } = rounds
  const stray = training.layerGroups?.find((name) => !known.some((group) => group.name === name))
  if (stray !== undefined) {
    return known.length === 0
      ? `training.layerGroups: ${stray}, but the service's manifest has no layer groups: leave it out`
      : `training.layerGroups: ${stray} is none of the manifest's: ${known.map(({ name }) => name).join(', ')}`
  }
  const { command, limits, environment, workers, batchSize } = training
  const source = contradictionInSource(training)
  if (source !== null) return source
  if (command !== undefined) {
    return workers === 1
      ? null
      : `training.workers ${workers} is about the keeper's own trainer, and training.command replaces that: leave workers out`
  }
  if (workers > batchSize) {
    return `training.workers ${workers} cannot share batches of ${batchSize}: give at most ${batchSize}, or a larger training.batchSize`
  }
  if (limits !== undefined)
    return 'training.limits applies only to a program: add training.command, or remove training.limits'
  return environment === undefined
    ? null
    : 'training.environment applies only to a program: add training.command, or remove training.environment'
}

function contradictionInSource({ source, service, labels, command }: TrainingConfig): string | null {
  const [needed, stray] = {
    own: [null, 'service'],
    service: ['service', 'labels'],
    'pseudo-labels': ['labels', 'service'],
  }[source]
  const given = { service, labels }
  if (needed !== null && given[needed as keyof typeof given] === undefined)
    return `training.${needed}: source ${source} needs it`
  const other = source === 'own' && service === undefined ? 'labels' : (stray as keyof typeof given)
  if (given[other as keyof typeof given] !== undefined)
    return `training.${other}: source ${source} does not use it: leave it out, or change training.source`
  if (source !== 'own' && command !== undefined)
    return `training.command trains on the samples of data alone: leave it out, or set training.source: own (found ${source})`
  return null
}

/** Forms that a source's samples have; a file of rows holds numbers or text. */
const FORM_OF = { digits: 'picture', idx: 'picture', images: 'picture', csv: 'table', tensor: 'tensor' } as const

/** The first mistake between the keys of `data`, or between them and the service's manifest; null if there is none. */
export function contradictionInData(data: DataConfig, { input, task }: ServiceManifest): string | null {
  const { source, shard, path, test, use } = data
  if (source === 'none') {
    const stray = { path, test, use: use === 'train' ? undefined : use, reportTest: data.reportTest || undefined }
    const key = Object.entries(stray).find(([, value]) => value !== undefined)?.[0]
    return key === undefined ? null : `data.${key}: source none has no samples: leave it out, or name a source`
  }
  if (shard.kind !== 'all' && shard.index >= shard.parts) {
    return `data.shard.index ${shard.index} must be below parts ${shard.parts}`
  }
  if (source !== 'digits' && data.path === undefined) return `data.path: source ${source} needs a path`
  const ownTest = source === 'csv' || source === 'images' || source === 'tensor'
  if (!ownTest && data.test !== undefined)
    return `data.test: source ${source} takes the test files from the same folder`
  if (ownTest && data.reportTest && data.test === undefined) return 'data.test: reportTest needs samples to report on'
  const form = input.kind === 'text' ? 'table' : input.kind
  if (form !== FORM_OF[source]) {
    const fitting = { table: 'csv', picture: 'idx or images', tensor: 'tensor' }[form]
    return `data.source: ${source} gives a ${FORM_OF[source]}, the service's manifest takes a ${input.kind}: use ${fitting}`
  }
  // Digits would be trained as garments without anybody noticing.
  if (source === 'digits' && !takesDigits({ input, task })) {
    const classes = task.kind === 'classification' ? task.classes : []
    const named = classes.length === 0 ? task.kind : classes.slice(0, 3).join(', ')
    return `data.source: digits are of the classes 0 to 9, the service's are others (${named}, …): use idx or images, or none`
  }
  return null
}
