// SPDX-License-Identifier: GPL-3.0-or-later
// Ways of dealing one dataset out to many keepers. Every sample goes to at most one part; all are seeded.
import { LearningError } from '../errors.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import type { Dataset } from '../types.ts'
import { histogram } from './dataset.ts'

export type Partition = {
  /** Sample indices of each part. */
  readonly shards: readonly Uint32Array[]
  /** Samples per class, part by part. */
  readonly histograms: readonly Uint32Array[]
}

const DIRICHLET_ATTEMPTS = 1000

/** Equal parts (sizes differ by at most one) of a random order. */
export function partitionIid(dataset: Dataset, options: { parts: number; seed: number }): Partition {
  const { parts, seed } = options
  checkParts(dataset, parts)
  const order = new SeededRandom(seed).permutation(dataset.count)
  return describe(
    dataset,
    Array.from({ length: parts }, (_, i) =>
      order.slice(Math.floor((i * dataset.count) / parts), Math.floor(((i + 1) * dataset.count) / parts)),
    ),
  )
}

/**
 * Each class is split over the parts by a draw from Dirichlet(alpha) (Hsu, Qi & Brown 2019 in the form of Li et al. 2022):
 * small alpha, few classes per part. Draws again until every part has `minimum` samples (default 10, or fewer when
 * the data would not reach); throws BAD_DATA when that does not happen.
 */
export function partitionDirichlet(
  dataset: Dataset,
  options: { parts: number; alpha: number; seed: number; minimum?: number },
): Partition {
  const { parts, alpha, seed } = options
  checkParts(dataset, parts)
  if (!(alpha > 0)) throw new LearningError('BAD_PARAMETERS', `Dirichlet alpha is ${alpha}; expected a positive number`)
  const minimum = options.minimum ?? Math.max(1, Math.min(10, Math.floor(dataset.count / parts / 10)))
  for (let attempt = 0; attempt < DIRICHLET_ATTEMPTS; attempt++) {
    const random = new SeededRandom(deriveSeed(seed, attempt))
    const shards: number[][] = Array.from({ length: parts }, () => [])
    for (const members of byClass(dataset)) {
      random.shuffle(members)
      const shares = random.dirichlet(alpha, parts)
      let sum = 0
      let from = 0
      for (let part = 0; part < parts; part++) {
        sum += shares[part]!
        const to = part === parts - 1 ? members.length : Math.round(sum * members.length)
        for (let i = from; i < to; i++) shards[part]!.push(members[i]!)
        from = Math.max(from, to)
      }
    }
    if (shards.every(({ length }) => length >= minimum)) {
      return describe(
        dataset,
        shards.map((shard) => random.shuffle(Uint32Array.from(shard))),
      )
    }
  }
  throw new LearningError(
    'BAD_DATA',
    `Dirichlet(${alpha}) over ${parts} parts left one with fewer than ${minimum} samples ${DIRICHLET_ATTEMPTS} times; ` +
      'raise alpha, or use fewer parts',
  )
}

/** Sorted by label, cut into parts × shardsPerPart pieces, dealt at random (McMahan et al. 2017: 2 pieces, 2 classes). */
export function partitionShards(
  dataset: Dataset,
  options: { parts: number; shardsPerPart?: number; seed: number },
): Partition {
  const { parts, shardsPerPart = 2, seed } = options
  checkParts(dataset, parts * shardsPerPart)
  const random = new SeededRandom(seed)
  const sorted = Uint32Array.from(byClass(dataset).flatMap((members) => [...members]))
  const pieces = parts * shardsPerPart
  const deal = random.permutation(pieces)
  const cut = (piece: number) => Math.floor((piece * dataset.count) / pieces)
  return describe(
    dataset,
    Array.from({ length: parts }, (_, part) => {
      const indices = [...deal.subarray(part * shardsPerPart, (part + 1) * shardsPerPart)].flatMap((piece) => [
        ...sorted.subarray(cut(piece), cut(piece + 1)),
      ])
      return random.shuffle(Uint32Array.from(indices))
    }),
  )
}

/** Random parts of the given sizes, which may be 0; remaining samples belong to nobody. Throws when they ask for more than there is. */
export function partitionBySize(dataset: Dataset, options: { sizes: readonly number[]; seed: number }): Partition {
  const { sizes, seed } = options
  const total = sizes.reduce((a, b) => a + b, 0)
  if (sizes.length === 0 || sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new LearningError('BAD_PARAMETERS', `part sizes [${sizes}] must be whole numbers`)
  }
  if (total > dataset.count) {
    throw new LearningError('BAD_DATA', `parts of ${total} samples in all, but ${dataset.name} has ${dataset.count}`)
  }
  const order = new SeededRandom(seed).permutation(dataset.count)
  let from = 0
  return describe(
    dataset,
    sizes.map((size) => {
      from += size
      return order.slice(from - size, from)
    }),
  )
}

function checkParts(dataset: Dataset, parts: number): void {
  if (!Number.isInteger(parts) || parts < 1) {
    throw new LearningError('BAD_PARAMETERS', `${parts} parts; expected a positive integer`)
  }
  if (parts > dataset.count) {
    throw new LearningError('EMPTY_SHARD', `${dataset.name} has ${dataset.count} samples, too few for ${parts} parts`)
  }
}

function byClass(dataset: Dataset): Uint32Array[] {
  const members: number[][] = Array.from({ length: dataset.classes }, () => [])
  for (let i = 0; i < dataset.count; i++) members[dataset.labels[i]!]!.push(i)
  return members.map((list) => Uint32Array.from(list))
}

function describe(dataset: Dataset, shards: Uint32Array[]): Partition {
  return { shards, histograms: shards.map((shard) => histogram(dataset, shard)) }
}
