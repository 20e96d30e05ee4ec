// SPDX-License-Identifier: GPL-3.0-or-later
// The owner's whole way, through the command line as a user types it: a tfjs model on disk becomes a folder, a key, a
// proof, a contract; the contract accepts the proof and refuses every other.
import { cp, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { BrowserProvider, ContractFactory, type InterfaceAbi } from 'ethers'
import { createHardhatRuntimeEnvironment } from 'hardhat/hre'
import { initialWeights, modelSpec, saveModel } from '../../keepers/learning/index.ts'
import {
  buildWithPlan,
  commitModel,
  compileFolder,
  encodeVerifyCalldata,
  exportVerifier,
  folderPaths,
  InferenceCircuit,
  InferenceProver,
  importModelFile,
  interpret,
  parseProof,
  parsePublicSignals,
  planFromJson,
  programFromJson,
  setupFolder,
} from '../../keepers/zkml/index.ts'
import { sha256File } from '../../keepers/zkml/setup/metadata.ts'
import { LOCAL_SETUP_MARK } from '../../keepers/zkml/setup/zkey.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import chainConfig from '../../scripts/demo/chain.config.ts'
import { compile } from '../../scripts/solc.ts'
import { cohort, succeed } from './command-line.ts'

const SIDE = 6
const CONTEXT = 987654321n

describe('zkML from a model on disk to a contract', function () {
  // Some thirty processes: seconds on an idle machine, minutes on one that is not.
  this.timeout(400_000)
  let home: string
  let call: (source: string, name: string) => Promise<(calldata: string) => Promise<bigint>>
  const at = (name: string) => join(home, name)
  const samples = Array.from({ length: 30 }, (_, k) =>
    Array.from({ length: SIDE * SIDE }, (_, i) => ((i * 7 + k * 13) % 29) / 28),
  )

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-zkml-'))
    const spec = modelSpec('logistic', { inputShape: [SIDE, SIDE, 1], classes: 4 })
    await saveModel({ spec, weights: initialWeights(spec, 7) }, at('model'))
    await writeFile(at('samples.json'), JSON.stringify({ inputs: samples }))
    await writeFile(at('input.json'), JSON.stringify(samples[3]))
    // Without the project's own configuration, whose contracts the chain would all read.
    const chain = await createHardhatRuntimeEnvironment(chainConfig, {}, ROOT)
    const provider = new BrowserProvider((await chain.network.create('hardhatMainnet')).provider)
    const signer = await provider.getSigner()
    call = async (source, name) => {
      const { abi, bytecode } = compile(source, { strict: true })[name]!
      const contract = await new ContractFactory(abi as InterfaceAbi, bytecode, signer).deploy()
      const to = await contract.getAddress()
      return async (data) => BigInt(await provider.call({ to, data }))
    }
  })

  after(() => rm(home, { recursive: true, force: true }))

  it('calibrates, tabulates, compiles, sets up and proves; the contract accepts the proof and refuses tampered ones', async () => {
    const calibrated = await succeed(
      'calibrate',
      at('model'),
      '--data',
      at('samples.json'),
      '--out',
      at('plan.json'),
      '--samples',
      '20',
    )
    expect(calibrated.accuracy).to.be.greaterThan(0.9)
    expect(calibrated.search.from.constraints).to.be.at.least(calibrated.constraints)
    const table = await succeed('table', at('model'), '--plan', at('plan.json'))
    expect(table.total).to.equal(calibrated.constraints)
    expect(table.lookup.constraints).to.be.below(table.total)

    const manifest = await succeed('compile', at('model'), '--plan', at('plan.json'), '--out', at('net'))
    expect(manifest.constraints).to.equal(table.total)
    expect((await succeed('table', at('net'))).total).to.equal(table.total)
    const metadata = await succeed('setup', at('net'), '--local')
    expect(metadata).to.include({ setup: 'local' })
    expect(metadata.circuit.r1csSha256).to.equal(manifest.r1csSha256)

    const input = ['--input', at('input.json'), '--context', `0x${CONTEXT.toString(16)}`]
    const mocked = await succeed('mock', at('net'), ...input, '--witness', at('net.wtns'))
    expect(mocked.violated).to.equal(null)
    const proved = await succeed('fullprove', at('net'), ...input, '--out', at('proof.json'))
    expect(proved.publicSignals[0]).to.equal(manifest.modelCommitment)
    expect(proved.publicSignals[3]).to.equal(String(CONTEXT))
    // Secrets are for their owner's eyes.
    for (const secret of ['openings.json', 'net.wtns']) expect((await stat(at(secret))).mode & 0o077).to.equal(0)

    const program = programFromJson(await readFile(folderPaths(at('net')).program, 'utf8'))
    const openings = JSON.parse(await readFile(at('openings.json'), 'utf8'))
    const { scores } = interpret(program, openings.input)
    expect(proved.publicSignals[2]).to.equal(String(scores.indexOf(Math.max(...scores))))
    // The same input under the same salt gives the same commitment.
    const again = await succeed('mock', at('net'), '--input', at('openings.json'), '--context', String(CONTEXT))
    expect(again.publicSignals).to.deep.equal(proved.publicSignals)

    expect((await succeed('verify', at('net'), at('proof.json'))).results[0].valid).to.equal(true)
    expect((await cohort('prove', at('net'), '--witness', at('net.wtns'), '--out', at('second.json'))).code).to.equal(0)
    expect((await cohort('verify', at('net'), at('proof.json'), at('second.json'))).code).to.equal(0)

    const exported = await cohort('export-verifier', at('net'), '--name', 'Net')
    expect(exported.stdout).to.contain('SET-UP: LOCAL').and.to.contain(manifest.circuitId)
    const verifier = await call(exported.stdout, 'Net')
    const { calldata } = await succeed('encode-calldata', at('proof.json'))
    expect(await verifier(calldata)).to.equal(1n)
    const batch = await succeed('encode-calldata', at('proof.json'), at('second.json'))
    expect(batch.call).to.equal('verifyBatch')
    expect(await verifier(batch.calldata)).to.equal(1n)

    const file = JSON.parse(await readFile(at('proof.json'), 'utf8'))
    for (const [signal, value] of [
      [0, BigInt(file.publicSignals[0]) + 1n],
      [1, BigInt(file.publicSignals[1]) + 1n],
      [2, (BigInt(file.publicSignals[2]) + 1n) % 4n],
      [3, CONTEXT + 1n],
    ] as const) {
      const tampered = structuredClone(file)
      tampered.publicSignals[signal] = String(value)
      const signals = parsePublicSignals(tampered.publicSignals)
      expect(await verifier(encodeVerifyCalldata(parseProof(file.proof), signals)), `signal ${signal}`).to.equal(0n)
      await writeFile(at('tampered.json'), JSON.stringify(tampered))
    }
    const refused = await cohort('verify', at('net'), at('proof.json'), at('tampered.json'))
    expect(refused.code).to.equal(1)
    expect(refused.stdout).to.match(/proof.json: valid\n.*tampered.json: INVALID/)
  })

  it('verifies a proof only as one of this circuit, model, input and context, and prints its statement', async () => {
    const valid = await cohort(
      'verify',
      at('net'),
      at('proof.json'),
      '--context',
      String(CONTEXT),
      '--input',
      at('openings.json'),
    )
    expect([valid.code, valid.stderr]).to.deep.equal([0, ''])
    const { publicSignals } = JSON.parse(await readFile(at('proof.json'), 'utf8'))
    for (const line of [
      `model commitment  ${publicSignals[0]}`,
      `input commitment  ${publicSignals[1]} (committed)`,
      `output            ${publicSignals[2]}: label ${publicSignals[2]}`,
      `context           ${CONTEXT}`,
      'inside the calibrated range, not clamped, as its prover says',
      'set-up            local',
    ])
      expect(valid.stdout).to.contain(line)

    await writeFile(
      at('other.json'),
      JSON.stringify({ ...JSON.parse(await readFile(at('openings.json'), 'utf8')), salts: { input: '0x1' } }),
    )
    // The same circuit with a manifest of other weights, as a folder of another version has it.
    await cp(at('net'), at('foreign'), { recursive: true })
    const path = folderPaths(at('foreign')).manifest
    const manifest = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...manifest, modelCommitment: '12345' }))
    await cp(at('net'), at('elsewhere'), { recursive: true })
    const circuitId = `0x${'ab'.repeat(32)}`
    await writeFile(folderPaths(at('elsewhere')).manifest, JSON.stringify({ ...manifest, circuitId }))
    for (const [folder, options, what] of [
      ['net', ['--context', '1'], /its context is .*, must be 1/],
      ['net', ['--input', at('other.json')], /its input commitment is/],
      ['net', ['--input', '77'], /its input commitment is .*, must be 77/],
      ['net', ['--model', '5'], /its model commitment is .*, must be 5/],
      ['foreign', [], /its model commitment is .*, must be 12345/],
    ] as const) {
      const found = await cohort('verify', at(folder), at('proof.json'), ...options)
      expect(found.code, found.stdout + found.stderr).to.equal(1)
      expect(found.stdout).to.match(what)
    }
    const lying = await cohort('verify', at('elsewhere'), at('proof.json'))
    expect(lying.stderr).to.match(/circuitId is not that of its r1csSha256/)
    expect(lying.code).to.be.greaterThan(0)
    // A proof that names another circuit than the folder's.
    const proof = JSON.parse(await readFile(at('proof.json'), 'utf8'))
    await writeFile(at('named.json'), JSON.stringify({ ...proof, circuitId }))
    const named = await cohort('verify', at('net'), at('named.json'))
    expect(named.code).to.equal(1)
    expect(named.stdout).to.match(/it is of circuit 0xabab.*, the folder's is 0x/)
  })

  it('refuses inputs outside the calibrated range, clamps them when told to, and the proof says so', async () => {
    await writeFile(at('bright.json'), JSON.stringify(samples[3]!.map((value, i) => (i < 2 ? value + 5 : value))))
    const out = [
      '--input',
      at('bright.json'),
      '--out',
      at('bright-proof.json'),
      '--openings',
      at('bright-openings.json'),
    ]
    const refused = await cohort('fullprove', at('net'), ...out)
    expect(refused.code).to.not.equal(0)
    expect(refused.stderr).to.match(/at position 0 lies outside the calibrated range \[0, 1\].*--clamp/)
    const proved = await succeed('fullprove', at('net'), ...out, '--clamp')
    expect(proved.clamped).to.equal(2)
    const verified = await cohort('verify', at('net'), at('bright-proof.json'))
    expect(verified.stdout).to.contain('CLAMPED: 2 values')
  })

  it('holds nested lists against the shape, and exits with 64 for options that are wrong', async () => {
    const rows = Array.from({ length: SIDE }, (_, i) => samples[3]!.slice(i * SIDE, (i + 1) * SIDE))
    await writeFile(at('rows.json'), JSON.stringify(rows))
    expect((await cohort('mock', at('net'), '--input', at('rows.json'))).code).to.equal(0)
    for (const wrong of [rows.slice(1), [[samples[3]!.slice(0, 18), samples[3]!.slice(18)]], [[1, 2], [3]]]) {
      await writeFile(at('wrong.json'), JSON.stringify(wrong))
      const { code, stderr } = await cohort('mock', at('net'), '--input', at('wrong.json'))
      expect([code, /the network takes \[6,6,1\]|differ in length/.test(stderr)]).to.deep.equal([65, true])
    }
    for (const wrong of [
      ['mock', at('net')],
      ['mock', at('net'), '--input', at('input.json'), '--nonsense'],
      ['mock', at('net'), '--input', at('input.json'), '--context', 'x'],
      ['nonsense'],
      ['compile', at('model'), '--plan', at('plan.json'), '--out', at('x'), '--input', 'loud'],
      ['calibrate', at('model'), '--data', at('samples.json'), '--max-loss', 'much'],
      ['calibrate', at('model'), '--data', at('samples.json'), '--headroom', '0.5'],
      ['calibrate', at('model'), '--data', at('samples.json'), '--output', 'score:0:0.5:7'],
      ['calibrate', at('model'), '--data', at('samples.json'), '--dim', 'seq'],
    ]) {
      const { code } = await cohort(...wrong)
      expect(code, wrong.join(' ')).to.equal(64)
    }
  })

  it('proves two versions of private weights with one key, and distinguishes them', async () => {
    const plan = JSON.parse(await readFile(at('plan.json'), 'utf8'))
    plan.mode = 'committed'
    const build = async (model: string) =>
      buildWithPlan(await importModelFile(join(at(model), 'model.json')), planFromJson(JSON.stringify(plan))).program
    const spec = modelSpec('logistic', { inputShape: [SIDE, SIDE, 1], classes: 4 })
    const weights = initialWeights(spec, 7)
    await saveModel({ spec, weights: weights.map((weight) => -weight) }, at('later'))

    const first = await compileFolder({ folder: at('private'), program: await build('model') })
    const second = await compileFolder({ folder: at('private-later'), program: await build('later') })
    expect(second.manifest.r1csSha256).to.equal(first.manifest.r1csSha256)
    expect(second.manifest.modelCommitment).to.not.equal(first.manifest.modelCommitment)
    expect(first.manifest.modelCommitment).to.equal(String(commitModel(first.program, first.modelSalt!)))
    await setupFolder(at('private'))
    for (const name of ['circuit.zkey', 'circuit.zkey.json', 'verification_key.json']) {
      await cp(join(at('private'), name), join(at('private-later'), name))
    }
    const verifier = await call(
      exportVerifier((await InferenceProver.open(at('private'))).key, { name: 'Private', setupKind: 'local' }),
      'Private',
    )
    const outputs: string[] = []
    for (const folder of ['private', 'private-later']) {
      const prover = await InferenceProver.open(at(folder))
      const { proof, publicSignals } = await prover.prove({ input: samples[3]!, context: CONTEXT })
      await prover.close()
      expect(await verifier(encodeVerifyCalldata(proof, publicSignals))).to.equal(1n)
      expect(String(publicSignals[0])).to.equal(prover.circuit.folder.manifest.modelCommitment)
      outputs.push(String(publicSignals[2]))
      const other = folder === 'private' ? second : first
      const swapped = [BigInt(other.manifest.modelCommitment), ...publicSignals.slice(1)]
      expect(await verifier(encodeVerifyCalldata(proof, swapped))).to.equal(0n)
    }
    expect(outputs[0]).to.not.equal(outputs[1])
    // A folder as compiling returns it serves as one that was opened: defaults are filled in.
    const fresh = await InferenceCircuit.open(first)
    expect(fresh.witness({ input: samples[3]!, context: CONTEXT }).salts).to.have.keys('input')
  })

  it('takes over the key of a ceremony, keeps it from a local set-up, and does not trust its metadata', async () => {
    await cp(at('net'), at('taken'), { recursive: true })
    await cp(folderPaths(at('net')).zkey, at('given.zkey'))
    const metadata = JSON.parse(await readFile(`${folderPaths(at('net')).zkey}.json`, 'utf8'))
    await writeFile(at('given.zkey.json'), JSON.stringify(metadata))
    expect((await cohort('setup', at('taken'), '--ceremony', at('given.zkey'))).stderr).to.match(/local key/)
    // The mark inside the key outlasts its metadata.
    await writeFile(at('given.zkey.json'), JSON.stringify({ ...metadata, setup: 'ceremony' }))
    expect((await cohort('setup', at('taken'), '--ceremony', at('given.zkey'))).stderr).to.match(
      /marked as a local key/,
    )
    const key = await readFile(at('given.zkey'))
    key.fill(0, key.indexOf(LOCAL_SETUP_MARK), key.indexOf(LOCAL_SETUP_MARK) + LOCAL_SETUP_MARK.length)
    await writeFile(at('given.zkey'), key)
    const unmarked = { ...metadata, setup: 'ceremony', zkeySha256: await sha256File(at('given.zkey')) }
    await writeFile(at('given.zkey.json'), JSON.stringify(unmarked))
    expect(await succeed('setup', at('taken'), '--ceremony', at('given.zkey'))).to.include({ setup: 'ceremony' })
    expect((await cohort('setup', at('taken'), '--local')).stderr).to.match(/key of a ceremony/)
    expect((await cohort('setup', at('private'), '--ceremony', at('given.zkey'))).stderr).to.match(/another circuit/)
    expect((await cohort('export-verifier', at('taken'))).stdout).to.contain('SET-UP: CEREMONY')
  })

  it('refuses steps out of order, wrong inputs and files that do not belong together, by name', async () => {
    const empty = await mkdtemp(join(home, 'empty-'))
    const cases: [string[], number, RegExp][] = [
      [['setup', empty, '--local'], 1, /compile first/],
      [['setup', at('net')], 64, /--local/],
      [['fullprove', empty, '--input', at('input.json')], 1, /compile first/],
      [['mock', at('net'), '--input', at('absent.json')], 66, /absent/],
      [['mock', at('net'), '--input', at('input.json'), '--context', 'tomorrow'], 64, /context/],
      [['export-verifier', at('net'), '--name', '1st'], 1, /identifier/],
      [['verify', at('net'), at('plan.json')], 65, /plan.json/],
      [['calibrate', at('samples.json'), '--data', at('samples.json')], 1, /model.json/],
      [['fullprove', at('net'), '--input', at('input.json'), '--backend', 'rapidsnark'], 64, /COHORT_RAPIDSNARK/],
    ]
    for (const [args, code, message] of cases) {
      const run = await cohort(...args)
      expect(run.stderr, args.join(' ')).to.match(message)
      expect(run.code, args.join(' ')).to.equal(code)
    }
    await writeFile(at('short.json'), '[1, 2, 3]')
    expect((await cohort('mock', at('net'), '--input', at('short.json'))).stderr).to.match(/36/)
    await writeFile(at('nan.json'), JSON.stringify({ input: samples[0]!.map(() => 300), integers: true }))
    expect((await cohort('mock', at('net'), '--input', at('nan.json'))).stderr).to.match(/300/)

    // A key for another circuit, and half a key.
    await cp(at('net'), at('mixed'), { recursive: true })
    for (const name of ['circuit.zkey', 'circuit.zkey.json'])
      await cp(join(at('private'), name), join(at('mixed'), name))
    const prove = (folder: string) =>
      cohort('fullprove', at(folder), '--input', at('input.json'), '--out', at('no.json'))
    expect((await prove('mixed')).stderr).to.match(/another circuit/)
    await cp(at('net'), at('half'), { recursive: true })
    const zkey = folderPaths(at('half')).zkey
    await truncate(zkey, (await stat(zkey)).size >> 1)
    expect((await prove('half')).stderr).to.match(/not the key/)
    await rm(`${zkey}.json`)
    expect((await prove('half')).stderr).to.match(/zkey.json/)
    await cp(join(at('private'), 'circuit.r1cs'), join(at('mixed'), 'circuit.r1cs'))
    expect((await prove('mixed')).stderr).to.match(/not the circuit/)
    expect(await stat(at('no.json')).catch(() => null)).to.equal(null)
  })
})
