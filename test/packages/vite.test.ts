// SPDX-License-Identifier: GPL-3.0-or-later
// The installed packages under Vite: the READMEs' examples in a server build, which Node runs, and a page that proves and
// verifies with what zkml has for browsers.
import { mkdir, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { findChromium, openFolderInBrowser } from '../keepers/zkml/prove/browser.ts'
import { installedProject, type Project } from './installed-project.ts'

const LIBRARIES = ['fhe', 'learning', 'zkml']

/** Appended to zkml's example, in whose folder `tiny` circuit and key are: what its page fetches. */
const PUBLISH = `
import { encodeReals, openFolder, randomSalt, witnessInputs } from '@cohort-ai/zkml'
import { cp, mkdir, writeFile } from 'node:fs/promises'
const { options } = await openFolder('tiny')
const { values: input } = encodeReals(program, [0.25, 0.5, 1])
const inputs = witnessInputs(program, { input, context: 42n, salts: { input: randomSalt() } }, options)
await mkdir('public', { recursive: true })
for (const [name, from] of [['circuit.wasm', 'wasm'], ['circuit.zkey', 'zkey'], ['key.json', 'verificationKey']]) {
  await cp(folderPaths('tiny')[from], 'public/' + name)
}
await writeFile('public/inputs.json', JSON.stringify(inputs, (_, value) => typeof value === 'bigint' ? String(value) : value))
`

const PAGE = `
import { wasmBackend } from '@cohort-ai/zkml/prove'
import { parseVerificationKey, verifyProof } from '@cohort-ai/zkml/verify'
import { WitnessProgram } from '@cohort-ai/zkml/witness'

const get = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer())
const json = async (name) => (await fetch(name)).json()
const integers = (tree) => (Array.isArray(tree) ? tree.map(integers) : BigInt(tree))
const inputs = Object.fromEntries(Object.entries(await json('inputs.json')).map(([name, tree]) => [name, integers(tree)]))
const witness = (await WitnessProgram.load(await get('circuit.wasm'))).calculate(inputs)
const key = parseVerificationKey(await json('key.json'))
const results = []
for (const engine of ['kernel', 'portable']) {
  const prover = await wasmBackend({ threads: 2, engine }).open(await get('circuit.zkey'))
  const { proof, publicSignals } = await prover.prove(witness)
  const forged = publicSignals.map((signal, i) => (i === 2 ? 1n - signal : signal))
  results.push({
    engine,
    label: String(publicSignals[2]),
    context: String(publicSignals[3]),
    verified: await verifyProof(key, proof, publicSignals),
    forged: await verifyProof(key, proof, forged),
  })
  await prover.close()
}
await report(results)
`

/** Hears of failures before any module is loaded. */
const HTML = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script>
const report = (body) => fetch('/result', { method: 'POST', body: JSON.stringify(body) })
addEventListener('error', ({ message, target }) => report({ failure: message ?? 'not loaded: ' + target.src }), true)
addEventListener('unhandledrejection', ({ reason }) => report({ failure: String(reason?.stack ?? reason) }))
</script>
<script type="module" src="/src/page.js"></script>
`

const SERVER = `export default {
  build: { ssr: true, outDir: 'server', rollupOptions: { input: ${JSON.stringify(LIBRARIES.map((name) => `src/${name}.js`))} } },
}
`
/** What zkml's README asks of a page's config. */
const CLIENT = `export default { base: './', worker: { format: 'es' } }
`

describe('packages under Vite', function () {
  this.timeout(180_000)
  let project: Project
  const vite = (...args: string[]) => {
    const { status, stdout, stderr } = project.node('node_modules/vite/bin/vite.js', 'build', ...args)
    expect(status, `${stdout}${stderr}`).to.equal(0)
  }

  before(async () => {
    project = await installedProject()
    await mkdir(project.path('src'))
    for (const name of LIBRARIES) {
      const text = project.example(name, 'js') + (name === 'zkml' ? PUBLISH : '')
      await writeFile(project.path('src', `${name}.js`), text)
    }
    await writeFile(project.path('src', 'page.js'), PAGE)
    await writeFile(project.path('index.html'), HTML)
    await writeFile(project.path('vite.server.js'), SERVER)
    await writeFile(project.path('vite.client.js'), CLIENT)
  })

  it('are built into a server, where the examples of fhe, learning and zkml print the same as in Node', () => {
    vite('--config', 'vite.server.js')
    for (const [name, output] of [
      ['learning', /^\d\d\.\d % of 500 digits, 7850 weights\n$/],
      ['fhe', /^mean 1\.00 2\.00 3\.00 1\.00\n$/],
      ['zkml', /^class [01], proof holds\n$/],
    ] as const) {
      const { status, stdout, stderr } = project.node(`server/${name}.js`)
      expect(status, stderr).to.equal(0)
      expect(stdout).to.match(output)
    }
  })

  it('are built into a page that proves and verifies with either engine, workers and kernels included', async function () {
    vite('--config', 'vite.client.js')
    const chromium = findChromium()
    if (chromium === null) {
      console.warn('      no Chromium on the path (COHORT_CHROMIUM): the page is built and not opened')
      return this.skip()
    }
    const results = (await openFolderInBrowser(chromium, project.path('dist'))) as object[]
    expect(results).to.have.length(2)
    for (const [index, engine] of ['kernel', 'portable'].entries()) {
      expect(results[index]).to.include({ engine, context: '42', verified: true, forged: false })
    }
  })
})
