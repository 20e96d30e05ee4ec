// SPDX-License-Identifier: GPL-3.0-or-later
// The command as `npm install -g` makes it: JavaScript alone, outside any checkout, with nothing to import but what its
// manifest declares. The dependencies are the checkout's, by links: downloading them anew would test npm.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { initialWeights, modelSpec, saveModel } from '../../keepers/learning/index.ts'
import root from '../../package.json' with { type: 'json' }
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { PACKAGES } from '../../scripts/packages/list.ts'
import { packAll } from '../../scripts/packages/pack.ts'

describe('the packed command', function () {
  this.timeout(180_000)
  let folder: string
  let home: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-cli-'))
    await packAll(
      folder,
      PACKAGES.filter(({ name }) => name === 'cli'),
    )
    home = join(folder, 'node_modules/@cohort-ai/cli')
    mkdirSync(home, { recursive: true })
    const { status } = spawnSync('tar', ['xzf', `cohort-ai-cli-${root.version}.tgz`, '-C', home, '--strip=1'], {
      cwd: folder,
    })
    expect(status).to.equal(0)
    for (const name of Object.keys(manifest().dependencies)) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), link)
    }
  })
  after(async () => await rm(folder, { recursive: true, force: true }))

  type Manifest = { bin: { cohort: string }; dependencies: Record<string, string> }
  const manifest = () => JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest

  /** Runs the command by Node without any flag, in the empty folder. */
  function cohort(...args: string[]): SpawnSyncReturns<string> {
    return spawnSync(process.execPath, [join(home, manifest().bin.cohort), ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', COHORT_PASSPHRASE: 'a long enough passphrase' },
    })
  }
  const succeeds = (...args: string[]): string => {
    const { status, stdout, stderr } = cohort(...args)
    expect(status, `cohort ${args.join(' ')}: ${stderr}`).to.equal(0)
    return stdout
  }

  it('says its version, and lists its commands', () => {
    expect(succeeds('--version')).to.equal(`${root.version}\n`)
    expect(succeeds('--help')).to.match(/keeper {2,}run a node/)
  })

  it('holds no TypeScript, no test and no secret of a checkout, and can be run as a file', () => {
    const { stdout } = spawnSync('find', [home, '-type', 'f'], { encoding: 'utf8' })
    const files = stdout.trim().split('\n')
    expect(files.length).to.be.greaterThan(500)
    expect(files.filter((file) => /\.ts$|\.test\.js|\.env|\.(ptau|zkey|sqlite)$/.test(file))).to.deep.equal([])
    expect(readFileSync(join(home, manifest().bin.cohort), 'utf8')).to.match(/^#!\/usr\/bin\/env node\n/)
    expect(statSync(join(folder, `cohort-ai-cli-${root.version}.tgz`)).size).to.be.lessThan(4 << 20)
  })

  it('finds the contracts’ sources and the keeper’s behaviours', () => {
    expect(succeeds('fsm', 'check')).to.match(/agree/)
  })

  it('trains: its kernel and its worker threads are there', () => {
    const args = ['--model', 'logistic', '--keepers', '3', '--rounds', '1', '--limit', '300', '--json']
    expect(succeeds('simulate', ...args)).to.match(/"accuracy"/)
  })

  it('knows its contracts, and an empty folder from a keeper', () => {
    const { status, stderr } = cohort('dao', 'status', '--rpc', 'http://127.0.0.1:9', '--deployment', 'none.json')
    expect(status).to.equal(66)
    expect(stderr).to.match(/none\.json/)
    expect(cohort('keeper', 'run', '--data', 'nothing').status).to.equal(78)
    expect(existsSync(join(home, 'artifacts/contracts/inference/InferenceHub.sol/InferenceHub.json'))).to.equal(true)
  })

  it('compiles a circuit with its own gadgets, sets it up, proves and verifies', async () => {
    const spec = modelSpec('logistic', { inputShape: [3, 3, 1], classes: 2 })
    await saveModel({ spec, weights: initialWeights(spec, 7) }, join(folder, 'model'))
    const inputs = Array.from({ length: 8 }, (_, k) => Array.from({ length: 9 }, (_, i) => ((i + k * 5) % 11) / 10))
    writeFileSync(join(folder, 'samples.json'), JSON.stringify({ inputs }))
    writeFileSync(join(folder, 'input.json'), JSON.stringify(inputs[3]))
    succeeds(
      'zkml',
      'calibrate',
      'model',
      '--data',
      'samples.json',
      '--out',
      'plan.json',
      '--samples',
      '8',
      '--no-search',
    )
    succeeds('zkml', 'compile', 'model', '--plan', 'plan.json', '--out', 'net')
    succeeds('zkml', 'setup', 'net', '--local')
    succeeds('zkml', 'fullprove', 'net', '--input', 'input.json', '--out', 'proof.json')
    expect(succeeds('zkml', 'verify', 'net', 'proof.json')).to.match(/proof\.json: valid/)
  })
})
