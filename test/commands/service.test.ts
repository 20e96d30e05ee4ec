// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readManifestFile } from '../../keepers/versions/index.ts'
import { encodeInput, openFolder } from '../../keepers/zkml/index.ts'
import snapshot from '../../snapshots/inference.json' with { type: 'json' }
import { command } from './command-line.ts'

const CELLS = 'examples/breast-cancer/cells.csv'

describe('cohort service', function () {
  this.timeout(120_000)
  let folder: string
  let out: string
  /** Constraints as `new` counts them, by proof system. */
  let priced: number[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-service-'))
    out = join(folder, 'cells.json')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('makes a manifest from a table, and shows its findings and the cost of such a service', async () => {
    const made = await command('service', 'new', '--data', CELLS, '--out', out, '--rounds', '5')
    expect(made.code, made.stderr).to.equal(0)
    expect(made.stderr).to.match(
      /table of 30 columns \(mean radius, .*label 'diagnosis'; 2 classes \(benign, malignant\)/,
    )
    const { digest } = JSON.parse((await command('service', 'show', out, '--json')).stdout)
    expect(made.stdout).to.contain(`digest      ${digest}`)
    const price = (system: string) =>
      made.stdout.match(new RegExp(`([\\d,]+) constraints, about ([\\d.]+) s, ([\\d,]+) gas, by ${system}$`, 'm'))!
    priced = ['groth16', 'groth16-lookup'].map((system) => Number(price(system)[1]!.replaceAll(',', '')))
    expect(price('groth16')[3]).to.equal(snapshot.gas['verify and record'].toLocaleString('en-US'))
    expect(made.stdout).to.match(/better by groth16(-lookup)?: .*constraints on a domain of 2\^/)
    expect(made.stdout).to.match(/a round +\d+ kB update, \d+ kB decryption share/)
    expect(readManifestFile(out, digest).name).to.equal('cells')
    const shown = await command('service', 'show', out)
    expect(shown.stdout).to.match(/classes +benign, malignant/)
  })

  it('says what a proof of any version takes, by the manifest or the name of one that ships', async () => {
    const table = await command('zkml', 'provable', out, '--json')
    expect(table.code, table.stderr).to.equal(0)
    const { total } = JSON.parse(table.stdout)
    expect(total).to.be.within(1_000, 20_000)
    expect(JSON.parse((await command('zkml', 'provable', 'logistic', '--json')).stdout).total).to.be.above(total)
    const wrong = join(folder, 'wrong.json')
    const manifest = JSON.parse(readFileSync(out, 'utf8'))
    writeFileSync(wrong, JSON.stringify({ ...manifest, model: { ...manifest.model, specHash: 'a'.repeat(64) } }))
    const refused = await command('zkml', 'provable', wrong)
    expect(refused.code).to.equal(65)
    expect(refused.stderr).to.match(/model\.specHash: a{64}, but the topology's is/)
  })

  it('is not proposed with a buffer alone, before it asks the chain', async () => {
    const create = (...options: string[]) => command('service', 'create', 'logistic', '--account', '0', ...options)
    for (const [options, text] of [
      [['--buffer', '5'], /--buffer 5 --max-staleness \(missing\): give both/],
      [['--max-staleness', '2'], /--buffer \(missing\) --max-staleness 2/],
      [['--buffer', '5', '--max-staleness', '8'], /a staleness of 1 to 7/],
    ] as const) {
      const { code, stderr } = await create(...options)
      expect(code, stderr).to.equal(64)
      expect(stderr).to.match(text)
    }
  })

  it('takes an architecture of its owner', async () => {
    const dense = (name: string, units: number, activation: string, more: object) => ({
      class_name: 'Dense',
      config: { name, units, activation, use_bias: true, ...more },
    })
    const layers = [dense('a', 5, 'relu', { batch_input_shape: [null, 30] }), dense('b', 2, 'softmax', {})]
    const model = join(folder, 'model.json')
    writeFileSync(
      model,
      JSON.stringify({ modelTopology: { class_name: 'Sequential', config: { name: 'mine', layers } } }),
    )
    const mine = join(folder, 'mine.json')
    const options = ['--rounds', '3', '--target', 'diagnosis', '--json']
    const made = await command('service', 'new', '--data', CELLS, '--model', model, '--out', mine, ...options)
    expect(made.code, made.stderr).to.equal(0)
    expect(JSON.parse(made.stdout)).to.include({ manifest: mine, parameters: 30 * 5 + 5 + 5 * 2 + 2 })
    // tfjs trains such a layer, and no circuit has it: refused before a round is played, not at the first inference.
    const untold = join(folder, 'untold.json')
    const cut = { class_name: 'ThresholdedReLU', config: { name: 'cut', theta: 1 } }
    const config = { name: 'untold', layers: [layers[0], cut, layers[1]] }
    writeFileSync(untold, JSON.stringify({ modelTopology: { class_name: 'Sequential', config } }))
    const unproven = await command(
      'service',
      'new',
      '--data',
      CELLS,
      '--model',
      untold,
      '--out',
      join(folder, 'no.json'),
    )
    expect([unproven.code, unproven.stderr.trim().split('\n').at(-1)]).to.deep.equal([
      65,
      'cohort: the model cannot be proven: layers not supported: ThresholdedReLU: choose another architecture',
    ])
    expect(unproven.stderr).not.to.contain('round 1')
    expect(existsSync(join(folder, 'no.json'))).to.equal(false)
    const other = ['--model', model, '--ignore', 'mean radius']
    const wrong = await command('service', 'new', '--data', CELLS, ...other, '--out', join(folder, 'no.json'))
    expect([wrong.code, wrong.stderr.trim().split('\n').at(-1)]).to.deep.equal([
      65,
      `cohort: ${model}: takes [30] and tells 2 classes apart; the sample has [29] and 2 (benign, malignant)`,
    ])
  })

  it('puts a strategy`s module into a manifest by its hash, and refuses settings that it does not take', async () => {
    const with_ = join(folder, 'momentum.json')
    const words = ['service', 'strategy', 'small-cnn', '--module', 'strategies/fedavgm.cjs', '--out', with_]
    const wrong = await command(...words, '--settings', '{"momentum":1}')
    expect([wrong.code, existsSync(with_)]).to.deep.equal([65, false])
    expect(wrong.stderr).to.match(/settings\.momentum: 1, takes 0 to below 1/)
    const none = await command(...words, '--settings', '[]')
    expect(none.stderr).to.match(/--settings takes a JSON object/)
    const made = await command(...words, '--settings', '{"momentum":0.5}')
    expect(made.code, made.stderr).to.equal(0)
    const { strategy } = readManifestFile(with_)
    const sha256 = createHash('sha256').update(readFileSync('strategies/fedavgm.cjs')).digest('hex')
    expect(strategy).to.deep.equal({ sha256, settings: { momentum: 0.5 } })
    expect(made.stdout).to.contain(sha256)
  })

  it('compiles the circuit of a manifest, and scales a row for it', async () => {
    const circuit = join(folder, 'circuit')
    const made = await command('service', 'circuit', out, '--out', circuit, '--json')
    expect(made.code, made.stderr).to.equal(0)
    const input = join(folder, 'input.json')
    const scaled = await command('service', 'row', out, '--data', CELLS, '--row', '20', '--out', input)
    expect(scaled.code, scaled.stderr).to.equal(0)
    expect(JSON.parse(readFileSync(input, 'utf8'))).to.have.length(30)
    const { program } = await openFolder(circuit)
    expect(JSON.parse(made.stdout)).to.include({
      mode: 'committed',
      circuitId: (await openFolder(circuit)).manifest.circuitId,
    })
    expect(encodeInput(program, JSON.parse(readFileSync(input, 'utf8')))).to.have.length(30)
    const tables = join(folder, 'tables')
    const other = await command('service', 'circuit', out, '--out', tables, '--system', 'groth16-lookup', '--json')
    expect(other.code, other.stderr).to.equal(0)
    expect([made, other].map(({ stdout }) => JSON.parse(stdout).constraints)).to.deep.equal(priced)
    const again = await command('service', 'circuit', out, '--out', circuit)
    expect([again.code, again.stderr]).to.deep.equal([64, `cohort: ${circuit} is there already: give another --out\n`])
    const picture = await command('service', 'row', 'mlp', '--data', CELLS, '--out', input)
    expect([picture.code, picture.stderr]).to.deep.equal([
      64,
      'cohort: mlp takes a picture: `cohort learning samples` writes pictures\n',
    ])
  })

  it('reports the mistake in one line, and leaves no file', async () => {
    const no = join(folder, 'no.json')
    const before = readFileSync(out)
    const lying = join(folder, 'lying.json')
    writeFileSync(lying, readFileSync(out, 'utf8').replace('"initialSeed":1', '"initialSeed":1,"optimizer":"none"'))
    const forged = join(folder, 'forged.json')
    writeFileSync(forged, readFileSync(out, 'utf8').replace('"units":18', '"units":19'))
    const cases: [string[], number, RegExp][] = [
      [['new', '--data', CELLS, '--out', out], 64, /cells\.json is there already: give another --out, or --force/],
      [['new', '--data', join(folder, 'none.csv'), '--out', no], 66, /cannot read .*none\.csv: ENOENT/],
      [['new', '--data', CELLS, '--target', 'age', '--out', no], 65, /--target 'age': the columns are mean radius/],
      [
        ['new', '--data', CELLS, '--model', 'gpt', '--out', no],
        65,
        /gpt is neither one of article-cnn.* nor a LayersModel/,
      ],
      [['new', '--data', CELLS, '--model', 'small-cnn', '--out', no], 65, /model: /],
      [['new', '--data', CELLS, '--keepers', '300', '--rounds', '1', '--out', no], 65, /no parameters .*300 keepers/],
      [['new', '--data', 'test', '--target', 'x', '--out', no], 64, /test: --target is about the columns of a CSV/],
      [['show', 'gpt'], 64, /manifest is 'gpt': takes a file, or one of the examples/],
      [['show', lying], 65, /unknown key "model\.optimizer"/],
      [['show', forged], 65, /model\.specHash: [0-9a-f]{64}, but the topology's is/],
    ]
    for (const [args, code, message] of cases) {
      const { code: found, stderr } = await command('service', ...args)
      const last = stderr.trim().split('\n').at(-1)
      expect(last, args.join(' ')).to.match(message)
      expect(found, args.join(' ')).to.equal(code)
    }
    expect(existsSync(no)).to.equal(false)
    expect(readFileSync(out).equals(before)).to.equal(true)
  })
})
