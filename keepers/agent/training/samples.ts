// SPDX-License-Identifier: GPL-3.0-or-later
// Selects this keeper's samples of a source, and divides them into those for training and those for judging.
import { type Dataset, type Partition, partitionDirichlet, partitionIid, subset } from '../../learning/index.ts'
import { type ServiceManifest, samplesOf } from '../../versions/index.ts'
import type { DataConfig } from '../data-config.ts'

const NO_SAMPLES = 'data: none; this keeper relays, decrypts, and sends updates that weigh nothing'

type Dealt = {
  readonly announcement: string
  readonly train: Dataset | null
  readonly heldOut: Dataset | null
  readonly test: Dataset | null
}

/** This keeper's samples: for training, for judging candidates, and the source's own test samples. */
export async function dealSamples(manifest: ServiceManifest, data: DataConfig, signal: AbortSignal): Promise<Dealt> {
  const { vote } = manifest
  if (data.source === 'none') return { announcement: NO_SAMPLES, train: null, heldOut: null, test: null }
  const { source: kind, path, test: other } = data
  const place = { kind, ...(path === undefined ? {} : { path }), ...(other === undefined ? {} : { test: other }) }
  const { train: all, test, announcement } = await samplesOf(manifest, place, signal)
  const mine = takeShard(all, data)
  if (data.use === 'judge') {
    return {
      announcement: `${announcement}, all to judge by: none are trained on`,
      train: null,
      heldOut: subset(all, mine),
      test,
    }
  }
  // Every k-th sample is held out, so that both parts have the shard's mix of labels, whatever its order.
  const every = Math.max(2, Math.round(1 / vote.holdOut))
  const part = (take: (position: number) => boolean): Dataset => subset(all, pick(mine, take))
  return { announcement, train: part((i) => i % every !== 0), heldOut: part((i) => i % every === 0), test }
}

function takeShard(all: Dataset, data: DataConfig): Uint32Array {
  const { shard } = data
  let mine: Uint32Array
  if (shard.kind === 'all') mine = Uint32Array.from({ length: all.count }, (_, i) => i)
  else {
    const options = { parts: shard.parts, seed: shard.seed }
    const partition: Partition =
      shard.kind === 'iid'
        ? partitionIid(all, options)
        : partitionDirichlet(all, { ...options, alpha: shard.alpha, minimum: 50 })
    mine = partition.shards[shard.index]!
  }
  if (mine.length < 10)
    throw new Error(
      `the shard has ${mine.length} samples, at least 10 are needed: correct data.shard, or take part without samples (source: none)`,
    )
  return data.limit === undefined ? mine : mine.subarray(0, data.limit)
}

function pick(indices: Uint32Array, take: (position: number) => boolean): Uint32Array {
  return indices.filter((_, position) => take(position))
}
