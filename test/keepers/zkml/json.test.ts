// SPDX-License-Identifier: GPL-3.0-or-later
// Files that two people must see alike: of two members of one name, one reader takes the first and another the last.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readDeployment } from '../../../keepers/chain/index.ts'
import { readSamples } from '../../../keepers/cli/zkml/samples.ts'
import { calibrate, planFromJson, planToJson, programFromJson, programToJson } from '../../../keepers/zkml/index.ts'
import { parseJson } from '../../../keepers/zkml/json.ts'
import { madeDeployment } from '../../../scripts/bench/console/deployment.ts'
import { parseSite } from '../../../web/src/site/site.ts'
import { twoLayers } from './quantise/networks.ts'
import { Random } from './random.ts'

describe('zkml: JSON that names a member twice', () => {
  const TWICE = /names "\w+" twice: leave one of them out/
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-json-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** The same document with its first member once more, at the end: `JSON.parse` takes that one. */
  const doubled = (text: string, member: string) => {
    const whole = text.trimEnd()
    expect(whole.endsWith('}')).to.equal(true)
    const twice = `${whole.slice(0, -1)},${member}}`
    expect(() => JSON.parse(twice), 'another reader takes it').to.not.throw()
    return twice
  }
  const refused = async (reading: Promise<unknown>) =>
    expect(
      await reading.then(
        () => 'read',
        (error: Error) => error.message,
      ),
    ).to.match(TWICE)

  it('is refused as a plan and as a program', () => {
    const random = new Random(5)
    const samples = Array.from({ length: 10 }, () => Float64Array.from(random.list(4, 0, 1)))
    const { plan, program } = calibrate(twoLayers(random, 4, 3, 2, { kind: 'relu' }), samples, { mode: 'released' })
    const [planned, written] = [planToJson(plan), programToJson(program)]
    planFromJson(planned)
    programFromJson(written)
    expect(() => planFromJson(doubled(planned, '"version":1'))).to.throw(TWICE)
    expect(() => programFromJson(doubled(written, '"name":"another"'))).to.throw(TWICE)
  })

  it('is refused as a file of samples', async () => {
    const file = join(folder, 'samples.json')
    await writeFile(file, '{"inputs":[[1]],"labels":[0],"labels":[1]}')
    await refused(readSamples(file, undefined, 10))
  })

  it('is refused as a deployment, and as the description of a copy of the console', async () => {
    const file = join(folder, 'deployment.json')
    const deployment = madeDeployment()
    const text = JSON.stringify(deployment)
    await writeFile(file, text)
    await readDeployment(file)
    await writeFile(file, doubled(text, '"chainId":1'))
    await refused(readDeployment(file))
    const site = JSON.stringify({ rpc: ['/rpc'], deployment })
    parseSite(site, 'https://example.org/')
    expect(() => parseSite(doubled(site, '"rpc":["https://elsewhere.example"]'), 'https://example.org/')).to.throw(
      TWICE,
    )
  })

  it('is found by one and the same file in both libraries, which import no other room', async () => {
    const [own, learning] = await Promise.all(
      ['zkml', 'learning'].map((room) =>
        readFile(new URL(`../../../keepers/${room}/json.ts`, import.meta.url), 'utf8'),
      ),
    )
    expect(own).to.equal(learning)
    expect(parseJson('{"a":1}')).to.deep.equal({ a: 1 })
  })
})
