// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type TableQuery, tablesPath } from '../../../../keepers/zkml/prove/tables.ts'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import { packValues } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import { verifyProof } from '../../../../keepers/zkml/prove/verify.ts'
import { type WasmBackendOptions, wasmBackend } from '../../../../keepers/zkml/prove/wasm.ts'
import { chooseTables } from '../../../../keepers/zkml/setup/choose-tables.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { writeTables } from '../../../../keepers/zkml/setup/tables.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { verificationKeyOf } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { keyFor } from '../two-round/keys.ts'
import { honest, rangeCircuit } from '../two-round/range-circuit.ts'
import { compileToy, type ToyCircuit } from './toy-circuit.ts'

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as Error & { code?: string },
  )
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
/** A generator of secrets that starts anew for each prover: equal sums give equal proofs. */
const draws = () => {
  let drawn = 0n
  return () => packValues([++drawn * 0x123456789abcdefn])
}

/** Where each section of the container begins, and its length, by number. */
function sectionsIn(file: Buffer): Map<number, { readonly at: number; readonly length: number }> {
  const found = new Map<number, { at: number; length: number }>()
  for (let at = 12; at < file.byteLength; ) {
    const length = Number(file.readBigUInt64LE(at + 4))
    found.set(file.readUInt32LE(at), { at: at + 12, length })
    at += 12 + length
  }
  return found
}

/** The file with one of its header's words changed, or its points, and checksums that fit. */
function forged(file: Buffer, change: (header: Buffer, points: Buffer) => void): Buffer {
  const copy = Buffer.from(file)
  const sections = sectionsIn(copy)
  const part = ({ at, length }: { at: number; length: number }) => copy.subarray(at, at + length)
  const header = part(sections.get(1)!)
  const points = part(sections.get(header.readUInt32LE(32))!)
  change(header, points)
  header.set(sha256(points), 32 + 16)
  header.set(sha256(header.subarray(0, header.byteLength - 32)), header.byteLength - 32)
  return copy
}

describe('tables beside a key of plain Groth16', function () {
  this.timeout(120_000)
  let toy: ToyCircuit
  let zkey: string
  let tables: Buffer

  const prove = async (options: WasmBackendOptions) => {
    const prover = await wasmBackend(options, draws()).open(zkey)
    try {
      return await prover.prove(await toy.witness(200, 3, 7n))
    } finally {
      await prover.close()
    }
  }

  before(async () => {
    toy = await compileToy(300)
    zkey = join(toy.folder, 'toy.zkey')
    await setupLocal(toy.r1cs, zkey, { threads: 1 })
    const written = await writeTables(zkey, { mib: 1, threads: 2 })
    tables = await readFile(tablesPath(zkey))
    expect(written.tables.map(({ query }) => query)).to.deep.equal(['h'])
    expect(written.bytes)
      .to.equal(tables.byteLength)
      .and.to.be.at.most(2 ** 20)
  })
  afterEach(() => writeFile(tablesPath(zkey), tables))
  after(() => rm(toy.folder, { recursive: true }))

  it('give the proof that the key alone gives, for every number of threads', async () => {
    const expected = await prove({ threads: 1, tables: false })
    for (const threads of [1, 2, 3, 5]) expect(await prove({ threads, engine: 'kernel' })).to.deep.equal(expected)
    expect(await prove({ threads: 2, engine: 'portable' })).to.deep.equal(expected)
  })

  it('are used: with multiples of other points, and checksums that fit, no proof verifies', async () => {
    const swap = (_: Buffer, points: Buffer) => points.set(Buffer.from(points.subarray(0, 64)), 64)
    await writeFile(tablesPath(zkey), forged(tables, swap))
    const key = await verificationKeyOf(parseZkey(await readFile(zkey), zkey))
    const { proof, publicSignals } = await prove({ threads: 1 })
    expect(await verifyProof(key, proof, publicSignals)).to.equal(false)
    const without = await prove({ threads: 1, tables: false })
    expect(await verifyProof(key, without.proof, without.publicSignals)).to.equal(true)
  })

  it('are refused by name when damaged, cut short, or of another version or key, and can be switched off', async () => {
    const flipped = (at: number) => {
      const copy = Buffer.from(tables)
      copy[at]! ^= 1
      return copy
    }
    const sections = sectionsIn(tables)
    const header = sections.get(1)!.at
    const points = [...sections].find(([id]) => id !== 1)![1].at
    for (const [bytes, what] of [
      [tables.subarray(0, tables.byteLength - 1), 'the file ends before'],
      [tables.subarray(0, 5000), 'the file ends before'],
      [tables.subarray(0, 7), 'no ztab file'],
      [flipped(0), 'does not begin with the letters ztab'],
      [flipped(4), 'format version 0, only 1 is read'],
      [flipped(points + 777), 'the checksum of query h is wrong'],
      [flipped(header + 40), 'the header’s checksum is wrong'],
      [forged(tables, (head) => head.set([head[3]! ^ 1], 3)), 'belongs to another key'],
      [forged(tables, (head) => head.writeUInt32LE(4, 32)), 'is not one query’s'],
      [forged(tables, (head) => head.writeUInt32LE(0, 32 + 4)), 'multiples 0 bits apart'],
      [forged(tables, (head) => head.writeUInt32LE(head.readUInt32LE(32 + 8) - 1, 32 + 8)), 'bits apart'],
      [forged(tables, (head) => head.writeUInt32LE(511, 32 + 12)), 'bytes, not'],
    ] as const) {
      await writeFile(tablesPath(zkey), bytes)
      const error = await rejection(prove({ threads: 1 }))
      expect(error, what).to.have.property('code', 'tables-unusable')
      expect(error!.message).to.include(tablesPath(zkey)).and.to.include(what)
      expect(error!.message).to.include('delete it, or run cohort zkml tables again')
    }
    await prove({ threads: 1, tables: false })
    await rm(tablesPath(zkey))
    await prove({ threads: 1 })
  })

  it('of another key of the same circuit are refused', async () => {
    const other = join(toy.folder, 'other.zkey')
    await setupLocal(toy.r1cs, other, { threads: 1 })
    await writeFile(tablesPath(other), tables)
    const error = await rejection(wasmBackend({ threads: 1 }).open(other))
    expect(error).to.have.property('code', 'tables-unusable')
    expect(error!.message).to.include('belongs to another key')
  })

  it('appear whole or not at all, and stay as they were when writing is aborted', async () => {
    const names = (await readdir(toy.folder)).sort()
    const controller = new AbortController()
    const onProgress = () => controller.abort(new Error('enough'))
    const error = await rejection(writeTables(zkey, { mib: 1, signal: controller.signal, onProgress }))
    expect(error).to.have.property('message', 'enough')
    expect((await readdir(toy.folder)).sort()).to.deep.equal(names)
    expect((await readFile(tablesPath(zkey))).equals(tables)).to.equal(true)
    for (const mib of [0, 1.5, Number.NaN])
      expect(await rejection(writeTables(zkey, { mib }))).to.be.instanceOf(RangeError)
  })
})

describe('tables beside a key of Groth16 in two rounds', function () {
  this.timeout(120_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-tables-'))
  })
  after(() => rm(folder, { recursive: true }))

  for (const challenges of [1, 2] as const) {
    it(`give the same proof, ${challenges} challenge(s)`, async () => {
      const circuit = rangeCircuit(challenges)
      const { zkey: bytes } = await keyFor(circuit)
      const zkey = join(folder, `${challenges}.zkey`)
      await writeFile(zkey, bytes)
      const { tables, bytes: length } = await writeTables(zkey, { mib: 4, threads: 1 })
      const queries: TableQuery[] = tables.map(({ query }) => query)
      // The second has enough wires in G2.
      expect(queries).to.include.members(challenges === 1 ? ['h', 'c'] : ['h', 'c', 'b2'])
      expect((await stat(tablesPath(zkey))).size).to.equal(length)
      const proofs = []
      for (const options of [{ tables: false }, { threads: 1 }, { threads: 2 }, { threads: 5 }]) {
        const prover = await openTwoRound(zkey, options, draws())
        proofs.push(await prover.prove(honest(circuit, 201, 5n)))
        await prover.close()
      }
      for (const proof of proofs) expect(proof).to.deep.equal(proofs[0])
    })
  }
})

describe('the choice of tables', () => {
  const queries = [
    { query: 'h', finite: 8192, long: 8192 },
    { query: 'c', finite: 5000, long: 5000 },
    { query: 'a', finite: 8000, long: 4500 },
    { query: 'b1', finite: 6000, long: 200 },
    { query: 'b2', finite: 6000, long: 5000 },
  ] as const

  it('keeps to the size, and saves more with more of it', () => {
    let before = 0
    for (const mib of [0, 0.1, 1, 2, 4, 8, 16, 32, 64, 512]) {
      const chosen = chooseTables(queries, 2, mib * 2 ** 20)
      expect(chosen.reduce((sum, { bytes }) => sum + bytes, 0)).to.be.at.most(mib * 2 ** 20)
      for (const { multiples, stride, count, query, bytes } of chosen) {
        expect((multiples + 1) * stride).to.be.at.least(255)
        expect(bytes).to.equal(multiples * count * (query === 'b2' ? 128 : 64))
      }
      const saved = chosen.reduce(
        (sum, { query, additions }) => sum + (additions.without - additions.with) * (query === 'b2' ? 3 : 1),
        0,
      )
      expect(saved).to.be.at.least(before)
      before = saved
    }
    expect(before).to.be.greaterThan(0)
  })

  it('takes none for short scalars', () => {
    expect(chooseTables([{ query: 'a', finite: 30_000, long: 0 }], 2, 2 ** 26)).to.deep.equal([])
  })
})
