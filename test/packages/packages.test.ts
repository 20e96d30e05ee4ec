// SPDX-License-Identifier: GPL-3.0-or-later
// Every package is packed, installed into an empty folder, and used there as its README says, under plain Node.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { expect } from 'chai'
import root from '../../package.json' with { type: 'json' }
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { PACKAGES, PARTS, SCOPE } from '../../scripts/packages/list.ts'
import { importedPackages, ManifestError, manifestOf } from '../../scripts/packages/manifest.ts'
import { installedProject, type Project } from './installed-project.ts'

const LIBRARIES = ['fhe', 'zkml', 'learning']

describe('packages', function () {
  this.timeout(180_000)
  let made: Project
  before(async () => {
    made = await installedProject()
  })

  const project = (...path: string[]) => made.path(...path)
  const installed = (name: string, ...path: string[]) => made.installed(name, ...path)
  const example = (name: string, language: string) => made.example(name, language)
  /** Runs a module in the project. */
  const run = (file: string, text: string) => {
    writeFileSync(project(file), text)
    return made.node(file)
  }

  it('carry the version of the project, what a registry shows of them, a licence and a README', () => {
    for (const { name, license } of PARTS) {
      const manifest = JSON.parse(readFileSync(installed(name, 'package.json'), 'utf8'))
      expect(manifest).to.include({ name: `@cohort-ai/${name}`, version: root.version, license, author: root.author })
      expect(manifest.keywords, name).to.have.length.greaterThan(3)
      expect(readFileSync(installed(name, 'LICENSE'), 'utf8')).to.match(
        license === 'MIT' ? /^MIT/ : /GNU GENERAL PUBLIC/,
      )
    }
  })

  for (const [name, output] of [
    ['learning', /^\d\d\.\d % of 500 digits, 7850 weights\n$/],
    ['fhe', /^mean 1\.00 2\.00 3\.00 1\.00\n$/],
    ['zkml', /^class [01], proof holds\n$/],
  ] as const) {
    it(`${name}: the README's example runs alone under plain Node`, () => {
      const { status, stdout, stderr } = run(`use-${name}.mjs`, example(name, 'js'))
      expect(status, stderr).to.equal(0)
      expect(stdout, stderr).to.match(output)
    })
  }

  it('export only the entry points of the manifest', () => {
    for (const name of LIBRARIES) {
      const door = `@cohort-ai/${name}/dist/index.js`
      expect(existsSync(installed(name, 'dist/index.js'))).to.equal(true)
      const { stdout } = run('deep.mjs', `await import('${door}').catch((error) => console.log(error.code))`)
      expect(stdout).to.equal('ERR_PACKAGE_PATH_NOT_EXPORTED\n')
    }
  })

  it('name their workers as what they are: JavaScript', async () => {
    let urls = 0
    for (const name of LIBRARIES) {
      for await (const file of glob('dist/**/*.js', { cwd: installed(name) })) {
        for (const [, target] of readFileSync(installed(name, file), 'utf8').matchAll(
          /new URL\(['"](\.[^'"]+\.\w+)['"], import/g,
        )) {
          expect(existsSync(resolve(dirname(installed(name, file)), target!)), `${file}: ${target}`).to.equal(true)
          urls++
        }
      }
    }
    expect(urls).to.be.greaterThan(7)
  })

  it('zkml: a browser’s imports reach no module of Node', () => {
    const reached = new Set<string>()
    const follow = (file: string): void => {
      if (reached.has(file)) return
      reached.add(file)
      const text = readFileSync(file, 'utf8')
      // A dynamic import is taken only where there is a Node.
      expect(
        [...text.matchAll(/^import .* from ['"](node:[^'"]+)/gm)].map(([, of]) => of),
        file,
      ).to.deep.equal([])
      for (const [, specifier] of text.matchAll(/^(?:import|export) .*from ['"](\.[^'"]+)['"]/gm)) {
        follow(resolve(dirname(file), specifier!))
      }
    }
    const doors = ['prove/wasm', 'prove/verify', 'circuit/witness', 'lookup/circuit', 'prove/two-round']
    for (const module of [...doors, 'prove/two-round-verify']) follow(installed('zkml', `dist/${module}.js`))
    expect(reached.size).to.be.greaterThan(5)
  })

  it('have types that a strict consumer compiles against', () => {
    writeFileSync(
      project('use.ts'),
      `import { LocalTrainer, modelSpec, type TrainingResult } from '@cohort-ai/learning'
import { type Plan, plan } from '@cohort-ai/fhe'
import { importOnnx, type InferenceProof } from '@cohort-ai/zkml'
import { verifyProof } from '@cohort-ai/zkml/verify'
export const agreed: Plan = plan({ members: 3, threshold: 2, vectorLength: 4, clipBound: 8, decryptionsPerKey: 16, roundsPerKey: 16 })
export const train = async (): Promise<TrainingResult> => (await LocalTrainer.create({ spec: modelSpec('mlp') })).train()
export const check: (proof: InferenceProof) => unknown = ({ proof, publicSignals }) => [verifyProof, importOnnx, proof, publicSignals]
// @ts-expect-error: a threshold is a number
plan({ members: 3, threshold: 'two', vectorLength: 4, clipBound: 8, decryptionsPerKey: 16, roundsPerKey: 16 })
`,
    )
    const compilerOptions = {
      ...{ module: 'nodenext', target: 'es2024', strict: true, noEmit: true, skipLibCheck: true },
      ...{ types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
    }
    writeFileSync(project('tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], {
      cwd: project(),
      encoding: 'utf8',
    })
    expect(status, stdout).to.equal(0)
  })

  it('circuits: the README’s circuit compiles with circom alone', () => {
    mkdirSync(project('circuit'), { recursive: true })
    writeFileSync(project('circuit/largest.circom'), example('circuits', 'circom'))
    const { version } = JSON.parse(readFileSync(project('node_modules/circom2/package.json'), 'utf8'))
    const libraries = ['@cohort-ai/circuits/lib', 'circomlib/circuits'].flatMap((path) => [
      '-l',
      `node_modules/${path}`,
    ])
    const cli = createRequire(project('package.json')).resolve('circom2/cli.js')
    const args = [cli, 'circuit/largest.circom', '--r1cs', '-o', 'circuit', ...libraries]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project(), encoding: 'utf8' })
    expect(status, `circom2 ${version}: ${stdout}${stderr}`).to.equal(0)
    expect(existsSync(project('circuit/largest.r1cs'))).to.equal(true)
  })

  it('contracts: every import of every source is there, and so is the ABI of the interfaces', async () => {
    let imports = 0
    for await (const file of glob('**/*.sol', { cwd: installed('contracts') })) {
      for (const [, path] of readFileSync(installed('contracts', file), 'utf8').matchAll(/^import [^"]*"([^"]+)";/gm)) {
        const target = path!.startsWith('.')
          ? resolve(dirname(installed('contracts', file)), path!)
          : project('node_modules', path!)
        expect(existsSync(target), `${file} imports ${path}`).to.equal(true)
        imports++
      }
    }
    expect(imports).to.be.greaterThan(100)
    const require = createRequire(project('package.json'))
    const { abi } = require(`${SCOPE}/contracts/artifacts/IInferenceConsumer.json`) as { abi: { name: string }[] }
    expect(abi.map(({ name }) => name)).to.deep.equal(['onInference'])
    for (const [, path] of example('contracts', 'solidity').matchAll(/from "([^"]+)";/g)) {
      expect(existsSync(require.resolve(path!)), path).to.equal(true)
    }
  })

  it('declare their imports, and cannot be built with one that the application does not pin', () => {
    expect(
      importedPackages(
        "import a from 'zod'\nimport b from './b.js'\nawait import('@noble/hashes/sha2.js')\nimport 'node:fs'",
      ),
    ).to.deep.equal(['zod', '@noble/hashes'])
    expect(() => manifestOf(PACKAGES[2]!, ["import x from 'left-pad'"], '1.0.0')).to.throw(
      ManifestError,
      /@cohort-ai\/fhe imports left-pad/,
    )
  })
})
