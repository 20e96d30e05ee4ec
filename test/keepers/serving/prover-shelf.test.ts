// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { JobError, type ProofAnswer, proofs } from '../../../keepers/jobs/index.ts'
import { CircuitShelf } from '../../../keepers/serving/index.ts'
import {
  type CircuitFolder,
  calibrate,
  InferenceError,
  openSegments,
  setupFolder,
  splitFolder,
  traceFolders,
} from '../../../keepers/zkml/index.ts'
import { samples, twoLayers } from '../zkml/quantise/networks.ts'
import { Random } from '../zkml/random.ts'

describe('shelf of circuits', function () {
  this.timeout(120_000)
  let home: string
  let circuits: readonly CircuitFolder[]
  let input: ArrayLike<number>
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-shelf-'))
    const random = new Random(4)
    const inputs = samples(random, 6, 4)
    const { program } = calibrate(twoLayers(random, 4, 3, 2, { kind: 'relu' }), inputs, { mode: 'released' })
    await splitFolder({ folder: home, program, count: 2 })
    circuits = (await openSegments(home)).circuits
    await setupFolder(circuits[0]!.folder, { threads: 1 })
    input = inputs[0]!
  })
  after(() => rm(home, { recursive: true, force: true }))

  const nameOf = ({ manifest }: CircuitFolder) => [manifest.circuitId, BigInt(manifest.modelCommitment)] as const

  it('knows segments and single circuits by circuit and model', async () => {
    await using segments = await CircuitShelf.open({ folders: [home], loadedKeys: 1 })
    await using single = await CircuitShelf.open({ folders: [circuits[0]!.folder], loadedKeys: 1 })
    expect([segments.size, single.size]).to.deep.equal([2, 1])
    const [first, second] = circuits.map(nameOf)
    expect(segments.has(...second!)).to.equal(true)
    expect(single.has(...second!)).to.equal(false)
    expect(segments.has(first![0], first![1] + 1n)).to.equal(false)
  })

  it('keeps no more keys loaded than it may, and proves with one that it had let go', async () => {
    await setupFolder(circuits[1]!.folder, { threads: 1 })
    await using shelf = await CircuitShelf.open({ folders: [home], loadedKeys: 1 })
    const traced = traceFolders({ circuits }, { input, context: 5n })
    const loaded = new Set<unknown>()
    for (const index of [0, 1, 0]) {
      const prover = await shelf.prover(...nameOf(circuits[index]!))
      loaded.add(prover)
      expect(shelf.loaded).to.equal(1)
      const { sample, publicSignals } = traced[index]!
      const { salts } = sample
      const made = await prover.prove({ input: sample.input, integers: true, context: 5n, ...(salts ? { salts } : {}) })
      expect(made.publicSignals).to.deep.equal([...publicSignals])
    }
    expect(loaded.size).to.equal(3)
    const [again, once] = [await shelf.prover(...nameOf(circuits[0]!)), await shelf.prover(...nameOf(circuits[0]!))]
    expect(again).to.equal(once)
  })

  it('takes from a worker only a proof of the statement that was asked for', async () => {
    await using shelf = await CircuitShelf.open({ folders: [circuits[0]!.folder], loadedKeys: 1 })
    await using others = await CircuitShelf.open({ folders: [circuits[0]!.folder], loadedKeys: 1 })
    const [first] = traceFolders({ circuits }, { input, context: 5n })
    const { sample, publicSignals } = first!
    const [circuitId, modelCommitment] = nameOf(circuits[0]!)
    const salts = { input: sample.salts?.input, output: sample.salts?.output } as { input?: bigint; output?: bigint }
    const task = { circuitId, modelCommitment, input: Float64Array.from(sample.input), salts, context: 5n }
    const stated = { inputCommitment: publicSignals[1]!, output: publicSignals[2]! }
    const honest = await others.performers.proofs(task)
    const other = await others.performers.proofs({ ...task, context: 6n })
    /** What a prover gets when the worker answers so. */
    const got = async (answer: ProofAnswer, statement: { inputCommitment: bigint; output: bigint | null } = stated) => {
      const kind = proofs((of, given) => shelf.isProofOf(of, given, statement))
      const bytes = await kind.encodeAnswer(answer)
      return await kind.decodeAnswer(bytes, task).then(
        () => 'taken',
        (error: unknown) => (error instanceof JobError ? error.code : Promise.reject(error)),
      )
    }
    expect(await got(honest)).to.equal('taken')
    expect(await got(honest, { ...stated, output: null })).to.equal('taken')
    // Valid, and of another context; then the same with the signals of the one that was asked for.
    expect(await got(other)).to.equal('BAD_ANSWER')
    expect(await got({ ...other, publicSignals: honest.publicSignals })).to.equal('BAD_ANSWER')
    expect(await got({ ...honest, publicSignals: honest.publicSignals.slice(0, 3) })).to.equal('BAD_ANSWER')
    expect(await got(honest, { ...stated, inputCommitment: 1n })).to.equal('BAD_ANSWER')
    expect(await got(honest, { ...stated, output: stated.output + 1n })).to.equal('BAD_ANSWER')
    // No proving key is needed for this.
    expect(shelf.loaded).to.equal(0)
  })

  it('refuses a folder that holds no circuit, and a circuit it does not have', async () => {
    const failure = await CircuitShelf.open({ folders: [join(home, 'nothing')], loadedKeys: 1 }).catch(
      (e: unknown) => e,
    )
    expect(failure).to.be.instanceOf(InferenceError)
    await using shelf = await CircuitShelf.open({ folders: [circuits[0]!.folder], loadedKeys: 1 })
    const absent = await shelf.prover(...nameOf(circuits[1]!)).catch((e: unknown) => e)
    expect(absent).to.be.instanceOf(InferenceError)
  })
})
