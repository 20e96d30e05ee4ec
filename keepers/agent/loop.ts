// SPDX-License-Identifier: GPL-3.0-or-later
import { backoff, type CursorStep, type EventCursor, type HeadWatch, hasSeat, steady } from '../chain/index.ts'
import { BEHAVIOURS } from './behaviours/index.ts'
import type { AgentContext, Behaviour, BlockOfAct, StepResult } from './context.ts'
import { keeperExitCode } from './errors.ts'
import { hiddenEvents } from './hidden-events.ts'
import { RoundGarbage } from './memory.ts'
import { checkPurse, noteFact, showState } from './operator-notes.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { type StateName, WITHIN_STATE } from './states.ts'
import { revokeUnaccepted } from './steps/model.ts'

/** Codes after which going on would be wrong or useless. Everything else is logged, counted, and tried again. */
const FATAL: ReadonlySet<string> = new Set([
  'FOREIGN_TRANSACTION',
  'WRONG_CHAIN',
  'WRONG_CONTRACT',
  'NOT_REGISTERED',
  'WRONG_MANIFEST',
  'WORKER',
  'CORRUPT',
  'UNREACHABLE',
])

type Task = {
  readonly key: string
  readonly abort: AbortController
  running: Promise<void> | null
  done: boolean
  failures: number
  /** Milliseconds (clock) before which a behaviour that failed is not called again. */
  retryAt: number
  /** Blocks with the behaviour's transactions that the cursor has not reached yet. */
  confirmed: BlockOfAct[]
}

/** After this many seconds of chain time the state is read again, even without an event. */
const REREAD_SECONDS = 60
/** Milliseconds between two attempts to get events that an endpoint did not give. */
const REREAD_PAUSE = 5_000
/** After this many seconds of chain time without an event of the service, a keeper looks at several blocks at a time. */
const QUIET_SECONDS = 300
/** Milliseconds between its looks in such quiet times. */
const QUIET_PAUSE = 30_000
/** Seconds of chain time after which the state is read again although nobody waits for it. */
const UNREAD_SECONDS = 10

type Head = NonNullable<CursorStep['head']>

/**
 * The keeper's heartbeat: read the chain, see which state the service is in, let that state's behaviour act. The loop
 * never waits for a behaviour, so that a deadline that passes during an hour of training is noticed when it passes.
 */
export class AgentLoop {
  readonly #context: AgentContext
  readonly #cursor: Pick<EventCursor, 'step' | 'rereadFrom'>
  readonly #heads: Pick<HeadWatch, 'slot' | 'wait'>
  readonly #behaviours: Readonly<Record<StateName, Behaviour>>
  readonly #garbage = new RoundGarbage()
  #snapshot: Snapshot | null = null
  #seat: number | null = null
  /** Something happened that the snapshot lacks. Stays set until the state has been read, whatever fails before that. */
  #stale = true
  /** The snapshot lacks acts of members within the state, and nothing else. */
  #behind = false
  /** Chain time at which the snapshot was read, and of the last event. */
  #readAt = 0
  #eventAt = 0
  #task: Task | null = null
  /** Last block at which the state and the events agreed; below, when they are compared again after a difference. */
  #wholeAt = 0
  /** How often events were read again since then. */
  #rereads = 0
  #compareAt = 0
  #fatal: unknown = null
  #lastLook = 0
  #lastError: string | null = null
  #failures = 0

  constructor(
    context: AgentContext,
    chain: {
      readonly cursor: Pick<EventCursor, 'step' | 'rereadFrom'>
      readonly heads: Pick<HeadWatch, 'slot' | 'wait'>
    },
    behaviours: Partial<Record<StateName, Behaviour>> = {},
  ) {
    this.#behaviours = { ...BEHAVIOURS, ...behaviours }
    this.#context = context
    this.#cursor = chain.cursor
    this.#heads = chain.heads
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot
  }
  get seat(): number | null {
    return this.#seat
  }
  /** Whether this keeper is a member of the epoch that runs. */
  get isMember(): boolean {
    return this.#snapshot !== null && this.#seat !== null && hasSeat(this.#snapshot.epochInfo.members, this.#seat)
  }
  get lastError(): string | null {
    return this.#lastError
  }
  /** Milliseconds (clock) of the last successful look at the chain. */
  get lastLook(): number {
    return this.#lastLook
  }

  /** Runs until `stopping` is aborted. @throws the error that ends the keeper; {@link keeperExitCode} maps it to the exit code. */
  async run(): Promise<void> {
    const { clock, config, stopping, log } = this.#context
    try {
      while (!stopping.aborted) {
        try {
          await this.#tick()
          this.#failures = 0
        } catch (error) {
          if (stopping.aborted) break
          this.#report(error, 'could not look at the chain')
          this.#failures += 1
        }
        if (this.#fatal !== null) throw this.#fatal
        const poll = config.chain.pollSeconds * 1000
        // Behaviours that wait for a member's blob are called at the usual pace; the chain is asked when a block is due.
        const soon = this.#heads.slot > 0 && this.#heads.wait > 0 ? Math.min(poll, this.#heads.wait) : poll
        const pause = this.#failures === 0 ? soon : poll * Math.min(8, 1 + this.#failures)
        await clock.sleep(pause, stopping).catch(() => undefined)
      }
    } finally {
      await this.#endTask()
      log.info({ event: 'loop ended' }, 'the keeper has stopped acting')
    }
  }

  async #tick(): Promise<void> {
    const context = this.#context
    const head = await this.#follow()
    if (head === null) return
    this.#lastLook = steady(context.clock)
    const snapshot = await this.#read(head)
    await this.#verifyActs(head)
    await this.#dispatch(snapshot)
  }

  /** The chain's state at this block. Asks again only for parts that an event or a deadline may have changed. */
  async #read(head: Head): Promise<Snapshot> {
    const { contracts, operator } = this.#context
    const before = this.#snapshot
    const isWanted = this.#stale || (this.#behind && !this.#isBusy(head))
    if (before?.block === head.number && !isWanted) return before
    const known = before !== null && !isWanted && head.timestamp < Math.min(before.end, this.#readAt + REREAD_SECONDS)
    const { snapshot: now, seat } = known
      ? { snapshot: { ...before, block: head.number, time: head.timestamp }, seat: this.#seat }
      : await takeSnapshot(contracts.service, operator, head.number, head.timestamp)
    this.#snapshot = now
    this.#seat = seat
    if (!known) this.#readAt = head.timestamp
    this.#stale = false
    if (!known) {
      this.#behind = false
      this.#compare(now)
    }
    if (before?.round !== now.round) {
      this.#garbage.round()
      await checkPurse(this.#context)
    }
    showState(this.#context, { seat: this.#seat, isMember: this.isMember }, before, now)
    return now
  }

  /**
   * Whether the acts of members within the state may stay unread for now: the behaviour is at work or done with the state, and the state was
   * read seconds ago. Otherwise, in a large service, every member would read the state after every act of every other member.
   */
  #isBusy({ timestamp }: Head): boolean {
    const task = this.#task
    return task !== null && (task.done || task.running !== null) && timestamp < this.#readAt + UNREAD_SECONDS
  }

  /** Reads events again, at another endpoint, when the state knows of some that are missing in this endpoint's logs. */
  #compare(snapshot: Snapshot): void {
    const { clock, facts, leaveEndpoint, log, metrics, remembered } = this.#context
    const hidden = hiddenEvents(snapshot, facts)
    if (hidden === null) {
      this.#wholeAt = snapshot.block
      this.#rereads = 0
      return
    }
    this.#stale = true
    if (steady(clock) < this.#compareAt) return
    this.#compareAt = steady(clock) + REREAD_PAUSE
    metrics.errors.inc({ code: 'LOGS_MISSING' })
    // An endpoint whose lies about state and logs agree shows no difference. What it hid may be in any block of the epoch.
    const opened = facts.all('EpochOpened', { epoch: snapshot.epochInfo.epoch })[0]?.block ?? 0
    const from = this.#rereads++ === 0 ? Math.max(this.#wholeAt + 1, opened) : opened
    log.warn(
      { event: 'logs missing', ...hidden, from },
      'the state knows of events that no log tells: reading them again',
    )
    leaveEndpoint(`no log of ${hidden.name}, which the state knows of`)
    remembered.reread = from
  }

  /**
   * Milliseconds for which a known block is recent enough. While the service has been idle for minutes and every deadline is far, the
   * keeper reads closely spaced blocks in groups.
   */
  #patience(): number {
    const snapshot = this.#snapshot
    if (snapshot === null || this.#heads.slot === 0 || snapshot.time - this.#eventAt < QUIET_SECONDS) return 0
    return Math.max(0, Math.min(QUIET_PAUSE, (snapshot.end - snapshot.time) * 1000))
  }

  /**
   * A receipt's block may be reorganised away before the cursor reaches its height, and the cursor would not notice. Check it
   * once at that height; from then on the cursor watches it. A receipt also counts only with an event of the transaction, since every step emits
   * one: otherwise a single false answer of an endpoint would make the keeper think that it has acted.
   */
  async #verifyActs(head: Head): Promise<void> {
    const task = this.#task
    if (task === null || task.running !== null) return
    const { contracts, facts, leaveEndpoint, log, metrics } = this.#context
    const reached = task.confirmed.filter(({ blockNumber }) => blockNumber <= head.number)
    task.confirmed = task.confirmed.filter(({ blockNumber }) => blockNumber > head.number)
    for (const act of reached) {
      const { blockNumber, blockHash } = act
      const there = blockNumber === head.number ? head : await contracts.service.runner?.provider?.getBlock(blockNumber)
      if (there?.hash === blockHash) {
        if (facts.has(act)) continue
        metrics.errors.inc({ code: 'LOGS_MISSING' })
        log.warn(
          { event: 'act without event', transaction: act.hash },
          'a receipt says that this keeper acted, and no log: it looks again',
        )
        leaveEndpoint('a receipt of a transaction that left no event')
        task.done = false
        continue
      }
      metrics.errors.inc({ code: 'REORGANISED' })
      log.warn({ event: 'reorganised', to: blockNumber - 1 }, 'a transaction of this keeper is no longer on the chain')
      task.done = false
    }
  }

  /** Reads events up to the head. Returns the last block with all earlier events known, if there is one. */
  async #follow(): Promise<Head | null> {
    const { facts, log, metrics, remembered } = this.#context
    if (remembered.reread !== null) {
      this.#cursor.rereadFrom(remembered.reread)
      remembered.reread = null
      facts.rebuild()
      this.#stale = true
    }
    for (;;) {
      const step = await this.#cursor.step(this.#patience())
      if (step.head !== null && (step.rolledBackTo !== null || step.added.length > 0)) {
        this.#eventAt = step.head.timestamp
      }
      if (step.rolledBackTo !== null) {
        this.#stale = true
        facts.rebuild()
        metrics.errors.inc({ code: 'REORGANISED' })
        log.warn(
          { event: 'reorganised', to: step.rolledBackTo },
          'the chain was reorganised; this keeper goes back with it',
        )
        this.#snapshot = null
        remembered.final = null
        // The steps of this state's behaviour may be undone: let it look again.
        if (this.#task !== null) this.#task.done = false
        revokeUnaccepted(this.#context, this.#roundNow())
      } else {
        const place = { seat: this.#seat, isMember: this.isMember, leftOut: this.#snapshot?.leftOut ?? 0n }
        const found = facts.add(step.added)
        if (found.length < step.added.length || !found.every(({ name }) => WITHIN_STATE.has(name))) this.#stale = true
        else if (found.length > 0) this.#behind = true
        for (const fact of found) noteFact(this.#context, place, fact)
      }
      if (step.caughtUp) return step.head
    }
  }

  #roundNow(): number {
    return Number(this.#context.facts.last('Transitioned')?.args.round ?? 0)
  }

  async #dispatch(snapshot: Snapshot): Promise<void> {
    const { epochInfo, state, epoch, round } = snapshot
    const key = `${state}/${epoch}/${round}/${epochInfo.crsSeed}`
    if (this.#task?.key !== key) {
      await this.#endTask()
      this.#task = {
        key,
        abort: new AbortController(),
        running: null,
        done: false,
        failures: 0,
        retryAt: 0,
        confirmed: [],
      }
    }
    const task = this.#task
    if (task.done || task.running !== null || steady(this.#context.clock) < task.retryAt) return
    // The snapshot was allowed to fall behind while the behaviour was at work. The next look reads the state first.
    if (this.#behind) return
    const signal = AbortSignal.any([task.abort.signal, this.#context.stopping])
    const onConfirmed = (at: BlockOfAct): void => {
      task.confirmed.push(at)
    }
    task.running = this.#behaviours[state]({ context: this.#context, snapshot, seat: this.#seat, signal, onConfirmed })
      .then((outcome: StepResult) => {
        task.done = outcome === 'done'
        task.failures = 0
      })
      .catch((error: unknown) => {
        if (signal.aborted) return
        task.retryAt = steady(this.#context.clock) + backoff(task.failures++, 500, 30_000)
        this.#report(error, `could not act in ${state}`)
      })
      .finally(() => {
        task.running = null
      })
  }

  /** Ends the last state's task before the next behaviour uses the same engine and thread. */
  async #endTask(): Promise<void> {
    const task = this.#task
    if (task === null) return
    task.abort.abort(new Error('the state is over'))
    await task.running
  }

  #report(error: unknown, what: string): void {
    const code = String((error as { code?: unknown }).code ?? 'UNKNOWN')
    const message = error instanceof Error ? error.message : String(error)
    this.#lastError = message.split('\n')[0]!
    this.#context.metrics.errors.inc({ code })
    if (FATAL.has(code)) this.#fatal ??= error
    const details = { event: 'error', code, reason: this.#lastError, exit: keeperExitCode(error) }
    this.#context.log.error(details, what)
    if (code === 'UNKNOWN' && error instanceof Error) this.#context.log.debug({ stack: error.stack }, 'stack')
  }
}
