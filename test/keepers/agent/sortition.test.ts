// SPDX-License-Identifier: GPL-3.0-or-later
// A candidate's part in the draw of members, as its daemon plays it.
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import type { Step } from '../../../keepers/agent/context.ts'
import { ensureSeat } from '../../../keepers/agent/steps/seat.ts'
import { reportAbsent, turnOf } from '../../../keepers/agent/steps/sortition.ts'
import { contractInterface, RevertError, sortitionAt } from '../../../keepers/chain/index.ts'
import { factsOf } from './round-stage.ts'

const OWNER = `0x${'a1'.repeat(20)}`
const OTHERS = ['b2', 'c3', 'd4'].map((byte) => `0x${byte.repeat(20)}`)
const SORTITION = `0x${'5e'.repeat(20)}`
const NO_RANK = 2n ** 256n - 1n

type Seen = {
  enlisted?: boolean
  canOpen?: boolean
  canSettle?: boolean
  canExtend?: boolean
  mayJoin?: boolean
  live?: boolean
  rank?: bigint
  position?: bigint
  candidates?: bigint
  draw?: { number?: bigint; epoch?: bigint; size?: bigint; candidates?: bigint; since?: bigint }
}

/** A candidate's daemon before a contract that a test sets; what it sends, and what it logs. */
function stage(seen: Seen, { optedIn = true, refusal = null as string | null, seated = [] as string[] } = {}) {
  const sent: string[] = []
  const logged: string[] = []
  const draw = { number: 1n, epoch: 4n, size: 2n, candidates: 9n, since: 0n, ...seen.draw }
  const sortition = {
    getAddress: async () => SORTITION,
    look: async () => ({
      ...{ enlisted: true, canOpen: false, canSettle: false, canExtend: false, live: true },
      ...{ rank: NO_RANK, mayJoin: false, position: 0n, candidates: 9n, ...seen, draw },
    }),
    lastDraw: async () => draw,
    drawn: async () => [OWNER, ...OTHERS.slice(0, 2), ZeroAddress],
  }
  const send = async ({ to, data, key }: { to: string; data: string; key: string }) => {
    const iface = contractInterface(to === SORTITION ? 'ISortitionAdmission' : 'ILearningService')
    const call = iface.parseTransaction({ data })!
    sent.push([call.name, ...call.args.map((value) => String(value).toLowerCase())].join(' '))
    if (refusal !== null) throw new RevertError(key, refusal, {}, '0x', null)
    return { from: OWNER, gasUsed: 1n, hash: '0x', blockNumber: 1, blockHash: '0x' }
  }
  const inc = () => undefined
  const note = ({ event }: { event: string }) => logged.push(event)
  const context = {
    contracts: {
      registry: { ownerOfOperator: async () => OWNER, isOptedIn: async () => optedIn },
      service: { isSeated: async (keeper: string) => seated.includes(keeper) },
    },
    remembered: { sortition: { occasion: 'undefined/undefined', found: sortition } } as Record<string, unknown>,
    store: { getRecord: () => null },
    facts: factsOf([]),
    clock: { now: () => 0 },
    queue: { send },
    metrics: { errors: { inc }, stepsDone: { inc }, gas: { inc }, stepSeconds: { observe: inc } },
    log: { debug: inc, info: note, warn: note },
    config: { chain: { pollSeconds: 1 } },
    stopping: new AbortController().signal,
  }
  const step = (time = 0, snapshot: object = {}) =>
    ({
      context,
      snapshot: { epoch: 5, round: 7, end: 1000, time, block: 3, ...snapshot },
      seat: null,
      signal: new AbortController().signal,
    }) as unknown as Step & { readonly seat: number }
  return { sent, logged, step, context }
}

describe('the admission contract of a service', () => {
  const answering = (call: () => Promise<string>) => ({ call, resolveName: async (name: string) => name }) as never

  it('draws members only if it says so: other contracts need not know the question', async () => {
    const yes = `0x${'1'.padStart(64, '0')}`
    expect(
      await sortitionAt(
        SORTITION,
        answering(async () => yes),
      ),
    ).not.to.equal(null)
    expect(
      await sortitionAt(
        SORTITION,
        answering(async () => `0x${'0'.repeat(64)}`),
      ),
    ).to.equal(null)
    expect(
      await sortitionAt(
        SORTITION,
        answering(async () => '0x'),
      ),
    ).to.equal(null)
    const reverts = () => Promise.reject(Object.assign(new Error('reverted'), { code: 'CALL_EXCEPTION' }))
    expect(await sortitionAt(SORTITION, answering(reverts))).to.equal(null)
    const silent = () => Promise.reject(Object.assign(new Error('no answer'), { code: 'NETWORK_ERROR' }))
    expect(await sortitionAt(SORTITION, answering(silent)).catch((error: Error) => error.message)).to.equal('no answer')
  })
})

describe('a candidate for the seats of an epoch', () => {
  it('enlists while its owner lets the draw bond the stake, and not when the owner has taken that back', async () => {
    const willing = stage({ enlisted: false })
    await ensureSeat(willing.step())
    expect(willing.sent).to.deep.equal([`enlist ${OWNER}`])
    const unwilling = stage({ enlisted: false }, { optedIn: false })
    for (let look = 0; look < 3; look++) await ensureSeat(unwilling.step())
    expect(unwilling.sent).to.deep.equal([])
    expect(unwilling.logged).to.deep.equal(['not a candidate'])
  })

  it('waits while it cannot enlist, and says so once', async () => {
    const jailed = stage({ enlisted: false }, { refusal: 'KeeperJailed' })
    for (let look = 0; look < 3; look++) await ensureSeat(jailed.step())
    expect(jailed.logged).to.deep.equal(['no candidate yet'])
    const other = stage({ enlisted: false }, { refusal: 'Unheard' })
    expect(await ensureSeat(other.step()).catch((error: RevertError) => error.error)).to.equal('Unheard')
  })

  it('opens and settles the draw in its turn, after those before it', async () => {
    for (const [seen, call] of [
      [{ canOpen: true, live: false }, 'openDraw'],
      [{ canSettle: true }, 'settleDraw'],
      [{ canExtend: true, draw: { since: 10n } }, 'extendDraw'],
    ] as const) {
      // Its place is (position + number) mod candidates = 3: three turns of 3 s.
      const third = stage({ ...seen, position: 2n })
      await ensureSeat(third.step(100))
      await ensureSeat(third.step(108))
      expect(third.sent).to.deep.equal([])
      await ensureSeat(third.step(109))
      expect(third.sent).to.deep.equal([call])
      const first = stage({ ...seen, position: 8n })
      await ensureSeat(first.step(100))
      expect(first.sent).to.deep.equal([call])
    }
    const late = stage({ canSettle: true, position: 8n }, { refusal: 'NothingToSettle' })
    await ensureSeat(late.step())
    expect(late.logged).to.deep.equal([])
  })

  it('has turns for a thousand within a minute', () => {
    expect([0, 1, 2, 3, 4, 7, 8, 15, 16].map(turnOf)).to.deep.equal([0, 1, 2, 3, 4, 4, 5, 5, 6])
    expect(turnOf(999)).to.equal(11)
  })

  it('takes a seat when the draw reaches it, and no earlier', async () => {
    const settled = { number: 1n, since: 10n }
    const drawn = stage({ rank: 1n, mayJoin: true, draw: settled })
    await ensureSeat(drawn.step())
    expect(drawn.sent).to.deep.equal([`join ${OWNER}`])
    expect(drawn.logged).to.deep.equal(['drawn', 'acted'])
    const waiting = stage({ rank: 2n, draw: settled })
    for (let look = 0; look < 3; look++) await ensureSeat(waiting.step())
    expect(waiting.sent).to.deep.equal([])
    expect(waiting.logged).to.deep.equal(['not drawn'])
    // The drawn have not come.
    const second = stage({ rank: 2n, mayJoin: true, draw: settled })
    await ensureSeat(second.step())
    expect(second.sent).to.deep.equal([`join ${OWNER}`])
  })

  it('takes a seat again after an epoch has ended, which gave up everybody’s', async () => {
    const drawn = stage({ rank: 0n, mayJoin: true, draw: { since: 10n } })
    Object.assign(drawn.context, {
      facts: factsOf([
        { name: 'Joined', block: 1, blockHash: '0x', args: { keeper: OWNER } },
        { name: 'Left', block: 2, blockHash: '0x', args: { keeper: OWNER } },
      ]),
    })
    await ensureSeat(drawn.step())
    expect(drawn.sent).to.deep.equal([`join ${OWNER}`])
  })

  it('reports, as a member, the drawn that have no seat, once an epoch', async () => {
    const draw = { epoch: 4n, since: 10n }
    const member = stage({ draw }, { seated: [OWNER, OTHERS[1]!] })
    for (let look = 0; look < 3; look++) await reportAbsent(member.step())
    expect(member.sent).to.deep.equal([`reportAbsence ${OTHERS[0]}`])
    // The draw of another epoch says nothing about this one.
    const later = stage({ draw }, { seated: [] })
    await reportAbsent(later.step(0, { epoch: 6 }))
    expect(later.sent).to.deep.equal([])
    const faster = stage({ draw }, { seated: [OWNER], refusal: 'NotDrawn' })
    await reportAbsent(faster.step())
    expect(faster.sent.length).to.equal(2)
    expect(faster.logged).to.deep.equal([])
    // A round goes on whatever comes of a report.
    await reportAbsent(stage({ draw }, { refusal: 'Unheard' }).step())
  })
})
