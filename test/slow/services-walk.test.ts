// SPDX-License-Identifier: GPL-3.0-or-later
// The second half of docs/services.md as somebody new to it types it: everything that needs a chain and keepers, in the page's order,
// with what one command prints put into the next. The first half runs in test/commands/services-page.test.ts.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { readManifestFile } from '../../keepers/versions/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { commandsIn } from '../../scripts/check/documented-commands.ts'
import { Cluster } from '../../scripts/cluster.ts'
import { deploymentPath } from '../../scripts/demo/deployment.ts'
import { keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'

const PAGE = 'docs/services.md'
const CLI = join(ROOT, 'keepers/cli/main.ts')
const CELLS = 'examples/breast-cancer/cells.csv'
const KEEPERS = 4
const TRUTH = ['benign', 'malignant']

describe('the page for services of one`s own, on a chain with keepers', function () {
  this.timeout(1_800_000)
  let folder: string
  let cluster: Cluster
  const typed = commandsIn(PAGE, readFileSync(join(ROOT, PAGE), 'utf8')).filter(
    ({ whole, words }) => whole && words[0] === 'cohort',
  )

  /** The page's commands that begin so, as words. @throws when there are not so many */
  function shown(start: string, count = 1): readonly (readonly string[])[] {
    const found = typed
      .map(({ words }) => words.slice(1))
      .filter((words) => `${words.join(' ')} `.startsWith(`${start} `))
    expect(found.length, `commands \`cohort ${start}\` of ${PAGE}`).to.be.at.least(count)
    return found
  }

  /** Types a command in a folder that has the page's files. @param blanks what stands in capitals, or is made up, by its value */
  async function type(words: readonly string[], blanks: Readonly<Record<string, string>> = {}): Promise<string> {
    const args = words.map((word) => blanks[word] ?? word)
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      cwd: folder,
      env: { ...process.env, ...keeperEnvironment(), HOME: folder, COHORT_RPC_URL: cluster?.url ?? '' },
    }).catch((error: { stderr?: string; stdout?: string }) => {
      throw new Error(`cohort ${args.join(' ')}: ${error.stdout ?? ''}${error.stderr ?? String(error)}`)
    })
    return stdout.trim()
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-services-walk-'))
    for (const name of ['examples', 'strategies']) symlinkSync(join(ROOT, name), join(folder, name))
    await type([...shown('service new')[0]!, '--rounds', '5'])
    const data = join(ROOT, CELLS)
    const [header, ...rows] = readFileSync(data, 'utf8').trim().split('\n')
    writeFileSync(join(folder, 'mine.csv'), [header, ...rows.slice(0, 60)].join('\n'))
    cluster = await Cluster.create({
      ...{ keepers: KEEPERS, pace: 'punctual', manifest: readManifestFile(join(folder, 'build/cells.json')) },
      windows: { registrationWindow: 60, trainingWindow: 90, aggregateWindow: 90, decryptWindow: 90, voteWindow: 60 },
      governor: { votingPeriodSeconds: 60 },
      values: (index) => ({
        ...{ 'data.source': 'csv', 'data.path': data, 'data.shard': { kind: 'iid', parts: KEEPERS, index, seed: 1 } },
        ...{ 'training.epochs': 6, 'training.learningRate': 0.005 },
      }),
    })
    mkdirSync(join(folder, 'deploy/addresses'), { recursive: true })
    cpSync(deploymentPath(cluster.folder), join(folder, 'deploy/addresses/localhost.json'))
    for (const node of cluster.nodes) cluster.start(node)
    await cluster.accepted(cluster.nodes[0]!, 2, 600_000)
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is joined by somebody with an address, an endpoint and samples', async () => {
    await type(shown('keeper init')[0]!, { ADDRESS: cluster.service, URL: cluster.url })
    expect(existsSync(join(folder, '.cohort/keeper/keeper.yaml'))).to.equal(true)
  })

  it('gives the chain one more service, by a proposal and at once, and another manifest', async () => {
    await type(shown('dao delegate')[0]!)
    const [proposal, now] = shown('service create', 2)
    expect(await type(proposal!)).to.match(/\d{20,}/)
    expect(await type(now!)).to.match(/0x[0-9a-fA-F]{40}/)
    // What the shell's quotes leave.
    await type(shown('service strategy')[0]!, { '{momentum:0.5}': '{"momentum":0.5}' })
    expect(await type(shown('dao propose-manifest')[0]!)).to.match(/\d{20,}/)
  })

  it('comes from the circuit to an answer that is proven, by votes and requests', async () => {
    await type(shown('service circuit')[0]!)
    await type(shown('service row')[1] ?? shown('service row')[0]!)
    const deployed = await type(shown('dao deploy-verifier')[0]!)
    const terms = /--circuit (\S+) --verifier (\S+) --vk-hash (\S+)/.exec(deployed)
    if (terms === null) throw new Error(`deploy-verifier names no terms: ${deployed}`)
    const [, ID = '', ADDRESS = '', HASH = ''] = terms
    const passed = async (proposed: readonly string[], blanks: Readonly<Record<string, string>>): Promise<void> => {
      const id = await type(proposed, blanks)
      for (const step of ['vote', 'queue', 'execute']) await type(shown(`dao ${step}`)[0]!, { $PROPOSAL: id })
    }
    await passed(shown('dao propose-verifier')[0]!, { ID, ADDRESS, HASH })
    await passed(shown('dao propose-release')[0]!, {})
    const offered = await type(shown('infer offer')[0]!)
    const [, number] = /model is (\d+)/.exec(offered) ?? []
    expect(number, offered).to.not.equal(undefined)
    const request = shown('infer request')[0]!
    const requested = await type(request, { NUMBER: number! })
    const [asked] = /0x[0-9a-f]{64}/.exec(requested) ?? []
    expect(asked, requested).to.not.equal(undefined)
    await new Promise<void>((answered, failed) => {
      const late = setTimeout(() => failed(new Error('nobody answered the request')), 300_000)
      cluster.processes.start('serve', [CLI, ...shown('infer serve')[0]!], {
        ...{ cwd: folder, env: { HOME: folder, COHORT_RPC_URL: cluster.url } },
        onLine: (line) => {
          const { event, message } = JSON.parse(line)
          if (event === 'failed') failed(new Error(message))
          if (event !== 'answered') return
          clearTimeout(late)
          answered()
        },
      })
    })
    const said = await type(['infer', 'status', asked!])
    const row = readFileSync(join(ROOT, CELLS), 'utf8').split('\n')[20]!.split(',').at(-1)!
    expect(TRUTH).to.include(row)
    expect(said).to.contain('fulfilled')
    process.stdout.write(`      ${said.replaceAll('\n', '; ')}; the row is ${row}\n`)
  })
})
