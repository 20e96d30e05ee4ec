// SPDX-License-Identifier: GPL-3.0-or-later
// The record of a server's draws: once for a request, within the operator's budget, whatever else happens to it.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { CensusError, type CensusErrorCode } from '../../../../keepers/apps/census/errors.ts'
import { OnceRecord, RECORD_FILE } from '../../../../keepers/apps/census/record.ts'
import { withFileLock } from '../../../../keepers/store/index.ts'
import { beaconOf, claimOf, ENTRY } from './table-at-hand.ts'

const refused = async (act: Promise<unknown>, code: CensusErrorCode, what: RegExp) => {
  const error = await act.then(
    () => new Error('it was allowed'),
    (reason: Error) => reason,
  )
  expect(error, error.message).to.be.instanceOf(CensusError)
  expect(error.message).to.match(what)
  expect((error as CensusError).code).to.equal(code)
}

describe('the record of releases', () => {
  let folder: string
  let record: OnceRecord
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-record-'))
    record = OnceRecord.beside(join(folder, 'table.secret'))
    await record.enter(ENTRY, true)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** A request that noise was drawn for. */
  const drawn = async (requestId: number, beacon = requestId) => {
    const claim = claimOf({ requestId })
    await record.reserve(claim)
    await record.draw(claim, beaconOf(beacon))
  }

  it('lies beside the secret, for its owner alone, and names the table, the chain and the budget', async () => {
    expect(record.file).to.equal(join(folder, RECORD_FILE))
    expect((await stat(record.file)).mode & 0o777).to.equal(0o600)
    const { tables } = JSON.parse(await readFile(record.file, 'utf8'))
    expect(tables[0].chainId).to.equal('31337')
    expect(tables[0].ledger).to.equal(ENTRY.ledger.toLowerCase())
    expect(tables[0].releases).to.deep.equal([])
    await record.enter(ENTRY, true)
    expect(JSON.parse(await readFile(record.file, 'utf8')).tables, 'entered twice').to.have.length(1)
  })

  it('a secret is of one table, at one place, with one budget', async () => {
    for (const [changes, what] of [
      [{ chunksHash: beaconOf(1) }, /chunksHash/],
      [{ chainId: 1n }, /chainId/],
      [{ series: 2 }, /series/],
      [{ versionEpsilon: 2_000_000n }, /versionEpsilon 1000000, not 2000000/],
    ] as const)
      await refused(record.enter({ ...ENTRY, ...changes }, true), 'mismatch', what)
  })

  it('a secret that lay there without an entry is not entered: its record may be lost', async () => {
    await record.enter(ENTRY, false)
    await refused(record.enter({ ...ENTRY, seedCommitment: 8n }, false), 'bad-data', /does not have this secret/)
    await rm(record.file)
    await refused(record.enter(ENTRY, false), 'bad-data', /Name a new file with --secret/)
  })

  it('what the ledger has spent beyond the record cannot be allowed a second time', async () => {
    await drawn(1)
    const { chainId, ledger, series, maxEpsilon, maxDelta } = ENTRY
    const { epsilon, delta } = claimOf()
    const account = { chainId, ledger, series, maxEpsilon, maxDelta, spentEpsilon: epsilon, spentDelta: delta }
    expect(await record.allowable(account)).to.deep.equal({ maxEpsilon, maxDelta })
    expect(await record.allowable({ ...account, spentEpsilon: 0n })).to.deep.equal({ maxEpsilon, maxDelta })
    const more = { ...account, spentEpsilon: 3n * epsilon }
    expect(await record.allowable(more)).to.deep.equal({ maxEpsilon: maxEpsilon - 2n * epsilon, maxDelta })
    expect(await record.allowable({ ...more, series: 2 })).to.deep.include({ maxEpsilon: maxEpsilon - 3n * epsilon })
    await rm(record.file)
    const without = { maxEpsilon: maxEpsilon - epsilon, maxDelta: maxDelta - delta }
    expect(await record.allowable(account)).to.deep.equal(without)
  })

  it('the same request under the same beacon is a repeat, under another one it is refused, also after a restart', async () => {
    await drawn(1)
    await drawn(1)
    await refused(drawn(1, 2), 'drawn-otherwise', /beacon 0x0+1, and the chain now says 0x0+2/)
    record = new OnceRecord(record.file)
    await refused(drawn(1, 2), 'drawn-otherwise', /keep .*census-record/)
    await drawn(1)
  })

  it('a request is for one version, query, model and price from its first step on', async () => {
    await record.reserve(claimOf())
    for (const changes of [{ version: 2 }, { queryId: beaconOf(78) }, { model: 6n }, { epsilon: 1n }]) {
      await refused(record.reserve(claimOf(changes)), 'drawn-otherwise', new RegExp(Object.keys(changes)[0]!))
      await refused(record.draw(claimOf(changes), beaconOf(1)), 'drawn-otherwise', /on record with/)
    }
    await record.draw(claimOf(), beaconOf(1))
  })

  it('nothing is drawn that was not reserved, and nothing without an entry of this secret, table, chain, ledger and series', async () => {
    await refused(record.draw(claimOf(), beaconOf(1)), 'refused', /was not reserved/)
    for (const changes of [{ seedCommitment: 9n }, { chunksHash: beaconOf(3) }, { chainId: 1n }, { series: 7 }])
      await refused(record.reserve(claimOf(changes)), 'bad-data', /no entry of this secret/)
    await rm(record.file)
    await refused(record.reserve(claimOf()), 'bad-data', /commit to the next one, which gets what the ledger leaves/)
  })

  it('however many requests there are, together they cost what the operator allowed: of a version, and of a series', async () => {
    for (let requestId = 1; requestId <= 10; requestId++) await drawn(requestId)
    await refused(drawn(11), 'refused', /epsilon of the version, in millionths: 1000000 of 1000000 is spent/)
    // The next version has its own budget, and half of the series' is left.
    const next = { seedCommitment: 99n, chunksHash: beaconOf(2) }
    await record.enter({ ...ENTRY, ...next }, true)
    for (let requestId = 12; requestId <= 16; requestId++) {
      await record.reserve(claimOf({ ...next, version: 2, requestId }))
      await record.draw(claimOf({ ...next, version: 2, requestId }), beaconOf(requestId))
    }
    await refused(
      record.reserve(claimOf({ ...next, version: 2, requestId: 17 })),
      'refused',
      /epsilon of the series, in millionths: 1500000 of 1500000/,
    )
    await refused(record.reserve(claimOf({ ...next, version: 2, requestId: 1 })), 'drawn-otherwise', /table/)
  })

  it('delta counts, too', async () => {
    await record.reserve(claimOf({ delta: 10n ** 12n }))
    await refused(record.reserve(claimOf({ requestId: 2, delta: 1n })), 'refused', /delta of the series/)
  })

  it('a reservation without noise can be taken back, a draw cannot', async () => {
    expect(await record.reserve(claimOf())).to.equal(true)
    expect(await record.reserve(claimOf())).to.equal(false)
    expect(await record.drop(claimOf())).to.equal(true)
    await drawn(1)
    expect(await record.drop(claimOf())).to.equal(false)
    await refused(drawn(1, 9), 'drawn-otherwise', /beacon/)
  })

  it('a record that is damaged, open to others, or a link, is not used', async () => {
    await drawn(1)
    const text = await readFile(record.file, 'utf8')
    for (const [damaged, what] of [
      [text.slice(0, -20), /not a whole record/],
      ['', /not a whole record/],
      [text.replace('"epsilon": "100000"', '"epsilon": "000001"'), /digest/],
      [text.replace('"releases": [', '"releases": [], "more": ['), /releases|more|tables/],
      ['{"format":"cohort-census-record","version":2,"digest":"0x","tables":[]}', /use the release that wrote it/],
    ] as const) {
      await writeFile(record.file, damaged)
      await refused(record.reserve(claimOf({ requestId: 2 })), 'bad-data', what)
      await refused(record.enter(ENTRY, true), 'bad-data', /restore its newest copy/)
    }
    await writeFile(record.file, text)
    for (const mode of [0o660, 0o606, 0o640]) {
      await chmod(record.file, mode)
      await refused(drawn(2), 'bad-data', new RegExp(`permissions ${mode.toString(8)}, must be 600`))
    }
    await chmod(record.file, 0o600)
    await rename(record.file, join(folder, 'elsewhere'))
    await symlink(join(folder, 'elsewhere'), record.file)
    await refused(drawn(2), 'bad-data', /is a link/)
  })

  it('a record is not used where others could put it aside for a draw, and back afterwards', async () => {
    for (const mode of [0o770, 0o707, 0o777]) {
      await chmod(folder, mode)
      await refused(drawn(1), 'bad-data', new RegExp(`permissions ${mode.toString(8)}, and others may replace`))
    }
    // Nobody but their owner renames files where the sticky bit is set, and the attack is the owner's own.
    await chmod(folder, 0o1777)
    await drawn(1)
    await chmod(folder, 0o755)
    await refused(drawn(1, 2), 'drawn-otherwise', /beacon/)
  })

  it('a crash between record and noise costs nothing: the beacon stands, and the same noise can still be drawn', async () => {
    const claim = claimOf()
    await record.reserve(claim)
    await record.draw(claim, beaconOf(1))
    // The process ends here. What it left of a write that did not finish is not read.
    await writeFile(join(folder, `.${RECORD_FILE}.0123.tmp`), '{"half')
    const next = new OnceRecord(record.file)
    await next.draw(claim, beaconOf(1))
    await refused(next.draw(claim, beaconOf(2)), 'drawn-otherwise', /beacon/)
  })

  it('of two processes that draw the same requests with other beacons, one has each', async function () {
    this.timeout(60_000)
    const COUNT = 10
    const run = async (beacon: number): Promise<number[]> => {
      const script = join(import.meta.dirname, 'record-process.ts')
      const args = ['--disable-warning=ExperimentalWarning', script, record.file, String(beacon), String(COUNT)]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      return JSON.parse(stdout)
    }
    const [first, second] = await Promise.all([run(1), run(2)])
    expect([...first, ...second].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: COUNT }, (_, i) => i + 1))
    const left = (await readdir(folder)).filter((name) => name.endsWith('.tmp'))
    expect(left).to.deep.equal([])
  })

  it('waits for whoever holds the record, and says so when that takes too long', async () => {
    const lock = `${record.file}.lock`
    let freed = false
    const held = withFileLock(lock, async () => {
      await new Promise((next) => setTimeout(next, 100))
      freed = true
    })
    await record.reserve(claimOf())
    expect(freed).to.equal(true)
    await held
    await withFileLock(lock, async () => {
      const error = await withFileLock(lock, async () => null, 50).catch((reason: Error) => reason)
      expect((error as Error).message).to.match(/is held by another process/)
    })
  })
})
