// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  createDataset,
  type Dataset,
  partitionBySize,
  partitionDirichlet,
  partitionIid,
  partitionShards,
  subset,
} from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

describe('learning: partitions', () => {
  const data: Dataset = createDataset({
    name: 'ten',
    origin: 'memory',
    inputShape: [1],
    classes: 10,
    inputs: new Float32Array(2000),
    labels: Array.from({ length: 2000 }, (_, i) => i % 10),
  })
  const disjoint = (shards: readonly Uint32Array[]) => {
    const all = shards.flatMap((shard) => [...shard])
    expect(new Set(all).size).to.equal(all.length)
    return all.length
  }

  it('IID: equal parts, every class everywhere, all samples used, same seed same parts', () => {
    const { shards, histograms } = partitionIid(data, { parts: 7, seed: 3 })
    expect(disjoint(shards)).to.equal(2000)
    expect(Math.max(...shards.map((s) => s.length)) - Math.min(...shards.map((s) => s.length))).to.be.at.most(1)
    expect(histograms.every((counts) => counts.every((n) => n > 5))).to.equal(true)
    expect(partitionIid(data, { parts: 7, seed: 3 }).shards).to.deep.equal(shards)
    expect(partitionIid(data, { parts: 7, seed: 4 }).shards).to.not.deep.equal(shards)
  })

  it('shards: two pieces of the sorted data, so at most a few classes each', () => {
    const { shards, histograms } = partitionShards(data, { parts: 20, seed: 1 })
    expect(disjoint(shards)).to.equal(2000)
    for (const counts of histograms) expect(counts.filter((n) => n > 0).length).to.be.at.most(2)
  })

  it('Dirichlet: the smaller alpha, the more lopsided; every part gets something', () => {
    const skew = (alpha: number) => {
      const { shards, histograms } = partitionDirichlet(data, { parts: 10, alpha, seed: 5 })
      expect(disjoint(shards)).to.equal(2000)
      expect(Math.min(...shards.map(({ length }) => length))).to.be.at.least(10)
      return histograms.reduce((sum, counts) => sum + Math.max(...counts) / counts.reduce((a, b) => a + b, 0), 0) / 10
    }
    expect(skew(0.3)).to.be.above(skew(100) + 0.2)
    expect(skew(100)).to.be.below(0.2)
  })

  it('by size: exactly those sizes', () => {
    const { shards } = partitionBySize(data, { sizes: [1, 500, 20], seed: 2 })
    expect(shards.map(({ length }) => length)).to.deep.equal([1, 500, 20])
    disjoint(shards)
  })

  it('refuses more parts than samples, sizes that do not fit, and indices that do not exist', async () => {
    await refuses(
      () => partitionIid(data, { parts: 2001, seed: 1 }),
      'EMPTY_SHARD',
      /2000 samples, too few for 2001 parts/,
    )
    await refuses(() => partitionBySize(data, { sizes: [1500, 600], seed: 1 }), 'BAD_DATA', /parts of 2100 samples/)
    await refuses(() => partitionDirichlet(data, { parts: 3, alpha: 0, seed: 1 }), 'BAD_PARAMETERS', /alpha is 0/)
    await refuses(() => subset(data, Uint32Array.of(5, 2000)), 'BAD_DATA', /sample 2000 of 2000 does not exist/)
  })
})
