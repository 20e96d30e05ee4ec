// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort data` at its doors: files and options that it refuses, and what it says of them. No chain is asked.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { clopperPearsonLower, hoeffdingMargin } from '../../keepers/chain/data-market/bounds.ts'
import { command } from './command-line.ts'

describe('cohort data: what it refuses', function () {
  this.timeout(60_000)
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-data-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  const file = async (value: unknown): Promise<string> => {
    const path = join(folder, 'file.json')
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value))
    return path
  }
  const refused = async (code: number, says: RegExp, ...args: string[]) => {
    const run = await command('data', ...args)
    expect(run.stderr, args.join(' ')).to.match(says)
    expect(run.code, args.join(' ')).to.equal(code)
  }
  const address = `0x${'11'.repeat(20)}`
  const offer = { schema: 'x', leaves: ['1', '2'], price: '0.1', minEarned: '0.01', expires: 30 }

  it('an offer’s file: each field with its name, its fault and exit code 65', async () => {
    for (const [changes, says] of [
      [{ price: 0.1 }, /price/],
      [{ price: '-1' }, /price: an amount of ether/],
      [{ minEarned: '0' }, /minEarned: more than 0/],
      [{ leaves: [1, 2] }, /leaves/],
      [{ leaves: undefined }, /leaves, or root and size/],
      [{ root: `0x${'00'.repeat(32)}`, size: 4 }, /leaves, or root and size/],
      [{ maker: '0x12' }, /maker: an address/],
      [{ expires: 900 }, /expires/],
      [{ expires: 'tomorrow' }, /expires/],
      [{ uri: 'x'.repeat(257) }, /uri/],
      [{ sizes: 3 }, /sizes/],
    ] as const)
      await refused(65, says, 'offer', await file({ ...offer, ...changes }), '--offers', address)
    await refused(65, /not JSON/, 'offer', await file('{'), '--offers', address)
    await refused(65, /twice/, 'offer', await file('{"schema":"x","schema":"y"}'), '--offers', address)
    await refused(66, /cannot read/, 'offer', join(folder, 'none.json'), '--offers', address)
  })

  it('a campaign’s file, and files of devices and samples', async () => {
    const campaign = {
      ...{ service: address, pool: 1, count: 8, baseline: 0, margin: 0, rate: '0.01', minBond: '0.04', days: 30 },
    }
    for (const [changes, says] of [
      [{ draws: 17 }, /draws/],
      [{ step: 0 }, /step/],
      [{ service: 'x' }, /service: an address/],
      [{ scorePercent: 101 }, /scorePercent/],
      [{ patienceHours: 0 }, /patienceHours/],
    ] as const)
      await refused(
        65,
        says,
        'campaign',
        await file({ ...campaign, ...changes }),
        '--budget',
        '1',
        '--rewards',
        address,
      )
    await refused(
      65,
      /no circuit of attested samples/,
      'devices',
      await file({ keys: [null] }),
      folder,
      '--offers',
      address,
    )
  })

  it('options that are missing or out of range: exit code 64', async () => {
    await refused(64, /needs --offers ADDRESS/, 'list')
    await refused(64, /needs --rewards ADDRESS/, 'show-campaign', '1')
    await refused(64, /--samples/, 'circuit', folder, '--samples', '1')
    await refused(64, /--depth/, 'circuit', folder, '--depth', '17')
    await refused(64, /argument/, 'show', 'one', '--offers', address)
    await refused(64, /--budget/, 'campaign', await file({}), '--budget', '-1', '--rewards', address)
    await refused(64, /--luck/, 'margin', '--samples', '10', '--luck', '0')
  })

  it('the margin for luck, by Hoeffding; Clopper and Pearson’s bound is tighter near 1', async () => {
    const { stdout } = await command('data', 'margin', '--samples', '1024', '--json')
    expect(JSON.parse(stdout)).to.deep.equal({ samples: 1024, luck: 0.05, margin: 40 })
    expect(hoeffdingMargin(64, 0.05)).to.equal(10)
    // R: binom.test(950, 1000, alternative = "greater")$conf.int gives 0.9370.
    expect(clopperPearsonLower(950, 1000, 0.05)).to.be.closeTo(0.937, 0.0005)
    expect(950 - 1000 * clopperPearsonLower(950, 1000, 0.05)).to.be.lessThan(hoeffdingMargin(1000, 0.05))
    expect(() => hoeffdingMargin(0, 0.05)).to.throw(RangeError)
    expect(() => hoeffdingMargin(10, 1)).to.throw(RangeError)
  })
})
