// SPDX-License-Identifier: GPL-3.0-or-later
// Time, memory, processes and network of a program that trains.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { expect } from 'chai'
import type { ExternalTrainer, TrainerLimits } from '../../../keepers/learning/index.ts'
import { data, KEEP, programs, ROUND, SAY, weights } from './external-program.ts'
import { refuses } from './refusal.ts'

describe('learning: the limits of a program that trains', function () {
  this.timeout(60_000)
  const { shell, node, at } = programs()

  it('ends one that hangs, with all that it started, deaf ones too', async () => {
    const mark = at('alive')
    const beat = `while :; do echo x >> '${mark}'; sleep 0.05; done`
    const program = shell(`trap '' TERM; (trap '' TERM; ${beat}) & ${beat}`, { seconds: 0.5 })
    await refuses(
      () => program.train(weights, data, ROUND),
      'TRAINER_FAILED',
      /still running after 0\.5 s \(training\.limits\.seconds\)/,
    )
    const size = readFileSync(mark).length
    await new Promise((done) => setTimeout(done, 300))
    expect(readFileSync(mark).length).to.equal(size)
  })

  it('does not wait for what a program that is done has left behind, and ends it', async () => {
    const mark = at('left')
    const program = shell(`(while :; do echo x >> '${mark}'; sleep 0.05; done) & ${KEEP}; ${SAY}`)
    const started = performance.now()
    await program.train(weights, data, ROUND)
    expect(performance.now() - started).to.be.below(10_000)
    const size = existsSync(mark) ? readFileSync(mark).length : 0
    await new Promise((done) => setTimeout(done, 300))
    expect(existsSync(mark) ? readFileSync(mark).length : 0).to.equal(size)
  })

  it('is ended by an abort, which is what comes of it', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('the window is over')), 200)
    const failure = await shell('sleep 30')
      .train(weights, data, ROUND, controller.signal)
      .catch((error: Error) => error)
    expect((failure as Error).message).to.equal('the window is over')
  })

  it('does not see the keeper`s passphrase', async () => {
    process.env.COHORT_PASSPHRASE = 'a secret of the test'
    try {
      const leak = `${KEEP}; env > '${at('env')}'; ${SAY}`
      await shell(leak).train(weights, data, ROUND)
      expect(readFileSync(at('env'), 'utf8'))
        .to.contain('COHORT_TRAINING=')
        .and.not.to.contain('a secret')
    } finally {
      delete process.env.COHORT_PASSPHRASE
      rmSync(at('env'), { force: true })
    }
  })

  describe('and other processes', () => {
    /** A program that leaves something behind in a session of its own, and is done. */
    const leaving = (mark: string, words: string) =>
      `${words} sh -c 'echo $$ > "${mark}.pid"; while :; do echo x >> "${mark}"; sleep 0.05; done' > /dev/null 2>&1 &
       while ! [ -s '${mark}' ]; do sleep 0.02; done; ${KEEP}; ${SAY}`
    /** Whether what was left behind lives on. It does not after this. */
    const lives = async (mark: string): Promise<boolean> => {
      const size = readFileSync(mark).length
      await new Promise((done) => setTimeout(done, 300))
      const alive = readFileSync(mark).length > size
      if (alive) process.kill(Number(readFileSync(`${mark}.pid`, 'utf8')), 'SIGKILL')
      return alive
    }
    /** With processes of its own; null where the kernel gives none, which the constructor has just said. */
    const apart = (script: string): ExternalTrainer | null => {
      try {
        return shell(script, { processes: 'own' })
      } catch (error) {
        expect((error as Error).message).to.match(/limits\.processes: own cannot be kept here/)
        return null
      }
    }

    it('that it leaves in a session of their own end with it, whatever their environment', async function () {
      for (const words of ['setsid', 'env -i PATH="$PATH" setsid']) {
        const mark = at('left-apart')
        const program = apart(leaving(mark, words))
        if (program === null) return this.skip()
        await program.train(weights, data, ROUND)
        expect(await lives(mark), words).to.equal(false)
        rmSync(mark)
      }
    })

    it('that it shares with the keeper: what it leaves is found by the environment, and by nothing else', async () => {
      const mark = at('left-shared')
      await shell(leaving(mark, 'setsid')).train(weights, data, ROUND)
      expect(await lives(mark)).to.equal(false)
      // The attack, which a process namespace ends.
      rmSync(mark)
      await shell(leaving(mark, 'env -i PATH="$PATH" setsid')).train(weights, data, ROUND)
      expect(await lives(mark)).to.equal(true)
    })

    it('are not there: nor is the environment of the keeper, with its passphrase', async function () {
      if (apart('true') === null) return this.skip()
      const room = new URL('../../../keepers/learning/external/process.ts', import.meta.url)
      const script = at('keeper.mjs')
      const steal =
        "cat /proc/[0-9]*/environ | tr '\\\\0' '\\\\n' | grep -q 'PHRASE=a secret of the test' && exit 9; exit 8"
      writeFileSync(
        script,
        `import { runLimited } from ${JSON.stringify(room.href)}
         for (const processes of ['shared', 'own']) {
           const limits = { seconds: 20, network: 'allowed', processes }
           const run = { command: ['sh', '-c', ${JSON.stringify(steal.replaceAll('\\\\', '\\'))}], folder: '.', environment: {}, limits }
           await runLimited(run).catch((error) => console.log(processes, /exit code (\\d+)/.exec(error.message)?.[1]))
         }`,
      )
      const env = { ...process.env, COHORT_PASSPHRASE: 'a secret of the test' }
      const { stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
        env,
        encoding: 'utf8',
      })
      expect(stdout).to.equal('shared 9\nown 8\n')
    })

    it('it cannot get at by taking its own view of them away', async function () {
      const umount = apart(
        `umount /proc 2>/dev/null; [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 8 ] || exit 9; ${KEEP}; ${SAY}`,
      )
      if (umount === null) return this.skip()
      await umount.train(weights, data, ROUND)
    })

    it('hears of its time being over like any other program', async function () {
      const mark = at('told')
      if (apart('true') === null) return this.skip()
      const limits = { seconds: 0.5, processes: 'own' as const }
      const timed = shell(`trap 'echo told > "${mark}"; exit 1' TERM; while :; do sleep 0.05; done`, limits)
      await refuses(() => timed.train(weights, data, ROUND), 'TRAINER_FAILED', /still running after 0\.5 s/)
      expect(readFileSync(mark, 'utf8')).to.equal('told\n')
    })
  })

  it('has no more memory than it may, and says so', async function () {
    const big = `dd if=/dev/zero of=/dev/null bs=400M count=1 2>&1 || exit 1; ${KEEP}; ${SAY}`
    await shell(big).train(weights, data, ROUND)
    let held: ExternalTrainer
    try {
      held = shell(big, { memoryMiB: 200 })
    } catch {
      return this.skip()
    }
    await refuses(
      () => held.train(weights, data, ROUND),
      'TRAINER_FAILED',
      /exit code 1: .*memory.*\(training\.limits\.memoryMiB is 200\)/,
    )
  })

  describe('and the network', () => {
    let server: Server
    let calls = 0
    before(async () => {
      server = createServer((socket) => {
        calls += 1
        socket.end()
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    })
    after(() => server.close())
    const caller = (limits: Partial<TrainerLimits>) => {
      const { port } = server.address() as { port: number }
      return node(
        `
        import net from 'node:net'
        await new Promise((done, fail) => net.connect(${port}, '127.0.0.1', done).on('error', fail))
        fs.copyFileSync(at + '/weights.safetensors', at + '/trained.safetensors')
        fs.writeFileSync(at + '/metrics.json', '{}')
        process.exit()`,
        limits,
      )
    }

    it('reaches it when it may', async () => {
      calls = 0
      await caller({ network: 'allowed' }).train(weights, data, ROUND)
      expect(calls).to.equal(1)
    })

    it('reaches nothing, this machine included, when it may not', async function () {
      calls = 0
      let apart: ExternalTrainer
      try {
        apart = caller({ network: 'none' })
      } catch {
        // No namespaces here: then it is not promised either, which the constructor has just said.
        return this.skip()
      }
      await refuses(
        () => apart.train(weights, data, ROUND),
        'TRAINER_FAILED',
        /ENETUNREACH.*\(training\.limits\.network is none\)/s,
      )
      expect(calls).to.equal(0)
    })
  })
})
