// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { chooseArchitecture, draftService, readSample, type SampleOptions } from '../../../keepers/services/index.ts'
import { decodeManifest, encodeManifest, openManifest } from '../../../keepers/versions/index.ts'
import { npy } from '../learning/npy-writer.ts'
import { refuses } from '../learning/refusal.ts'

const wave = (i: number): number => Math.sin(12.9898 * (i + 1)) * 10

describe('the arrays of a sample', function () {
  this.timeout(60_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-arrays-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** A folder of arrays; the samples are 200 long. */
  const arrays = (x: Buffer, y: Buffer, names = ['x', 'y']): string => {
    const place = mkdtempSync(join(folder, 'arrays-'))
    for (const [i, content] of [x, y].entries()) writeFileSync(join(place, `${names[i]}.npy`), content)
    return place
  }
  const values = (shape: number[], of = wave): number[] =>
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i))
  const floats = (...shape: number[]): Buffer => npy(shape, values(shape))
  const labels = (of: (i: number) => number = (i) => i % 2): Buffer => npy([200], values([200], of))

  it('have the shape, the scaling of each place in two digits, and a range that is wider than the sample`s', async () => {
    const { input, task, train, test } = await readSample(arrays(floats(200, 3), labels()))
    expect(task).to.deep.equal({ kind: 'classification', classes: ['0', '1'] })
    expect(input).to.deep.include({ kind: 'tensor', shape: [3], array: 'x', label: 'y', numbers: 'float' })
    if (input.kind !== 'tensor') throw new Error(input.kind)
    expect(input.scale).to.have.length(3)
    for (const { mean, deviation, min, max } of input.scale) {
      expect(Math.abs(mean)).to.be.below(1)
      expect(deviation).to.equal(7.1)
      expect(min).to.be.within(-14, -12)
      expect(max).to.be.within(12, 14)
    }
    expect([train.count, test.count]).to.deep.equal([160, 40])
  })

  it('of bytes have a range of their own; of planes, an axis of channels; of few channels, a scale for each', async () => {
    const bytes = arrays(
      npy(
        [200, 20, 20],
        values([200, 20, 20], (i) => i % 200),
        '|u1',
      ),
      labels(),
    )
    const plane = await readSample(bytes)
    expect(plane.input).to.deep.include({
      ...{ shape: [20, 20, 1], numbers: 'integer' },
      scale: [{ mean: 0, deviation: 255, min: 0, max: 255 }],
    })
    expect((await chooseArchitecture(undefined, plane)).name).to.equal('small-cnn')
    const two = values([200, 9, 2], (i) => (i % 2 === 0 ? wave(i) : 1000 + wave(i)))
    const { input } = await readSample(arrays(npy([200, 9, 2], two), labels()))
    if (input.kind !== 'tensor') throw new Error(input.kind)
    expect(input.shape).to.deep.equal([9, 2, 1])
    expect(input.scale.map(({ mean }) => Math.round(mean / 1000))).to.deep.equal([0, 1])
    // A place that is nearly always zero leaves the steps of a proof to the others.
    const rare = await readSample(
      arrays(
        npy(
          [200, 2],
          values([200, 2], (i) => (i === 0 ? 60 : i % 2)),
        ),
        labels(),
      ),
    )
    if (rare.input.kind !== 'tensor') throw new Error(rare.input.kind)
    expect(rare.input.scale[0]!.deviation).to.equal(10)
  })

  it('ask for classes by names or columns, several labels, or amounts', async () => {
    const task = async (y: Buffer, options: SampleOptions = {}) =>
      (await readSample(arrays(floats(200, 3), y), options)).task
    const marks = npy(
      [200, 2],
      values([200, 2], (i) => Number((i >> 1) % 2 === i % 2)),
    )
    expect(await task(marks)).to.deep.equal({ kind: 'classification', classes: ['0', '1'] })
    expect(await task(marks, { task: 'labels' })).to.deep.include({ kind: 'labels', labels: ['0', '1'] })
    expect(
      await task(
        npy(
          [200, 2],
          values([200, 2], (i) => Number(i % 3 === 0)),
        ),
      ),
    ).to.deep.include({ kind: 'labels' })
    expect(await task(labels(wave), { unit: 'm' })).to.deep.include({ kind: 'regression', unit: 'm' })
    expect(
      await task(
        npy(
          [200, 1],
          values([200], (i) => i % 2),
        ),
      ),
    ).to.deep.include({ kind: 'classification' })
  })

  it('become a service: what a member`s file may hold can be proven, to the edges of the range', async () => {
    const kinds = labels((i) => Number(wave(3 * i) > 0))
    for (const [y, options] of [
      [kinds, {}],
      [labels((i) => 3 * wave(3 * i)), { unit: 'm' }],
    ] as const) {
      const sample = await readSample(arrays(floats(200, 3), y), options)
      const spec = await chooseArchitecture(undefined, sample)
      const { manifest } = await draftService({
        ...{ name: 'waves', spec, sample, rounds: 5, keepers: 4, decryptionsPerEpoch: 64 },
      })
      const read = decodeManifest(encodeManifest(manifest))
      const { plan } = await openManifest(read)
      if (read.input.kind !== 'tensor') throw new Error(read.input.kind)
      const { min: least, bits, scale: step } = plan.input
      // Half a step beyond the last one rounds to it.
      const [min, max] = [step * (least - 0.5), step * (least + 2 ** bits - 0.5)]
      for (const entry of read.input.scale) {
        expect((entry.min - entry.mean) / entry.deviation).to.be.at.least(min)
        expect((entry.max - entry.mean) / entry.deviation).to.be.at.most(max)
      }
      const { input } = read
      const wrong = { ...read, input: { ...input, scale: input.scale.slice(0, 2) } }
      expect(() => decodeManifest(encodeManifest(wrong))).to.throw(
        /input\.scale: 2 entries for the 3 places of the last axis: takes 1 or 3/,
      )
      const turned = { ...input.scale[0]!, min: 5, max: 5 }
      expect(() => decodeManifest(encodeManifest({ ...read, input: { ...input, scale: [turned] } }))).to.throw(
        /input\.scale\.0: min 5 is not below max 5/,
      )
    }
  })

  it('are refused by file, array and index, with what would do', async () => {
    const place = arrays(floats(200, 3), labels(), ['signals', 'states'])
    const cases: [string, SampleOptions, RegExp, string?][] = [
      [place, {}, /no array 'x'; it has signals, states: name one by --array/],
      [place, { array: 'signals' }, /no array 'y'; it has signals, states: name one by --target/],
      [place, { array: 'signals', target: 'signals' }, /'signals' cannot be both samples and labels/],
      [arrays(floats(200, 2, 2, 2, 2), labels()), {}, /'x' has samples of 4 axes, at most 3 are read/],
      [arrays(floats(100, 3), labels()), {}, /'y' has 200 labels for 100 samples/],
      [arrays(npy([0, 3], []), npy([0], [])), {}, /'x' is an array of \[0,3\]: there are no samples/],
      [
        arrays(
          npy(
            [200, 3],
            values([200, 3], (i) => (i === 7 ? Number.NaN : i)),
          ),
          labels(),
        ),
        {},
        /x\[2, 1\] is NaN, not a finite number/,
      ],
      [
        arrays(floats(200, 3), npy([200, 2], values([200, 2]))),
        {},
        /y\[0, 0\] is [\d.-]+: columns of labels are of 0 and 1/,
      ],
      [arrays(floats(200, 3), labels()), { text: 'x' }, /--text is about the columns of a CSV file/, 'BAD_PARAMETERS'],
      [
        arrays(floats(200, 3), labels()),
        { task: 'labels' },
        /--task labels: 'y' takes a column of 0 and 1 for each label/,
      ],
      [
        arrays(
          floats(200, 3),
          labels(() => 1),
        ),
        {},
        /array 'y' has one value only/,
      ],
      ['examples/breast-cancer/cells.csv', { array: 'x' }, /--array is about files of arrays/, 'BAD_PARAMETERS'],
    ]
    for (const [path, options, message, code = 'BAD_DATA'] of cases) {
      await refuses(() => readSample(path, options), code, message)
    }
  })
})
