// SPDX-License-Identifier: GPL-3.0-or-later
// Programs that train, and programs that do everything else instead. They are /bin/sh and this Node, so every machine has them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { decodeSafetensors } from '../../../keepers/learning/external/safetensors.ts'
import {
  createDataset,
  type ExternalRound,
  ExternalTrainer,
  initialWeights,
  modelSpec,
  type TrainerLimits,
} from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

const FREE: TrainerLimits = { seconds: 20, network: 'allowed', processes: 'shared' }
const ROUND: ExternalRound = {
  round: 3,
  epoch: 2,
  training: { epochs: 4, batchSize: 8, optimizer: { kind: 'sgd', learningRate: 0.05 }, seed: 99 },
  clip: { norm: 2, entry: 1 },
  privacy: null,
  manifest: `0x${'ab'.repeat(32)}`,
}
/** Hands the weights back as they came. */
const KEEP = 'cp "$COHORT_TRAINING/weights.safetensors" "$COHORT_TRAINING/trained.safetensors"'
const SAY = `printf '{"samples": 6, "loss": 0.5, "metrics": {"f1": 0.25}}' > "$COHORT_TRAINING/metrics.json"`

describe('learning: a trainer that is a program', function () {
  this.timeout(60_000)
  const spec = modelSpec('logistic', { inputShape: [3], classes: 2 })
  const weights = initialWeights(spec, 5)
  const data = createDataset({
    ...{ name: 'six', origin: 'memory', inputShape: [3], classes: 2, classNames: ['well', 'sick'] },
    inputs: Float32Array.from({ length: 18 }, (_, i) => i),
    labels: Uint16Array.of(0, 1, 0, 1, 0, 1),
  })
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-program-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const place = () => join(folder, 'rounds')
  const trainer = (command: readonly string[], limits: Partial<TrainerLimits> = {}) =>
    new ExternalTrainer(spec, { command, limits: { ...FREE, ...limits }, environment: {}, folder }, place())
  const shell = (script: string, limits: Partial<TrainerLimits> = {}) => trainer(['sh', '-c', script], limits)
  const node = (script: string, limits: Partial<TrainerLimits> = {}) => {
    writeFileSync(
      join(folder, 'program.mjs'),
      `import fs from 'node:fs'\nconst at = process.env.COHORT_TRAINING\n${script}`,
    )
    return trainer([process.execPath, 'program.mjs'], limits)
  }
  afterEach(() => {
    // Whatever it did, nothing of the round is left.
    if (existsSync(place())) expect(readdirSync(place())).to.deep.equal([])
  })

  it('gets weights, samples and settings, and is read back', async () => {
    const seen = join(folder, 'seen')
    const copy = `cp -r "$COHORT_TRAINING" '${seen}'`
    const outcome = await shell(`${KEEP}; ${SAY}; ${copy}`).train(weights, data, ROUND)
    expect(outcome).to.deep.equal({ weights, samples: 6, loss: 0.5, metrics: { f1: 0.25 } })
    const settings = JSON.parse(readFileSync(join(seen, 'settings.json'), 'utf8'))
    expect(settings).to.deep.include({
      ...{ format: 'cohort/training/1', round: 3, epoch: 2, epochs: 4, batchSize: 8, optimizer: 'sgd' },
      ...{ learningRate: 0.05, proximalMu: 0, seed: 99, clip: ROUND.clip, privacy: null, manifest: ROUND.manifest },
    })
    expect(settings.data).to.deep.equal({
      ...{ samples: 6, inputShape: [3], classes: 2, classNames: ['well', 'sick'], scale: 1 },
    })
    const samples = decodeSafetensors(readFileSync(join(seen, 'samples.safetensors')), 'samples')
    expect(samples.get('inputs')).to.deep.include({ type: 'F32', shape: [6, 3] })
    expect([...new Int32Array(Uint8Array.from(samples.get('labels')!.bytes).buffer)]).to.deep.equal([...data.labels])
    rmSync(seen, { recursive: true })
  })

  it('may be the shell script of the documentation', async () => {
    const page = readFileSync(new URL('../../../docs/trainers.md', import.meta.url), 'utf8')
    const [script] = [...page.matchAll(/```sh\n(#!\/bin\/sh\n[^`]*)```/g)].map((match) => match[1]!)
    writeFileSync(join(folder, 'train.sh'), script!, { mode: 0o755 })
    const outcome = await trainer(['./train.sh']).train(weights, data, ROUND)
    expect(outcome.weights).to.deep.equal(weights)
    expect(outcome.samples).to.equal(6)
  })

  it('works on, wherever weights of its own making lead', async () => {
    const program = node(`
      const file = fs.readFileSync(at + '/weights.safetensors')
      const start = 8 + Number(file.readBigUInt64LE())
      for (let i = start; i < file.length; i += 4) file.writeFloatLE(file.readFloatLE(i) + 1, i)
      fs.writeFileSync(at + '/trained.safetensors', file)
      fs.writeFileSync(at + '/metrics.json', '{}')`)
    const outcome = await program.train(weights, data, ROUND)
    expect([...outcome.weights]).to.deep.equal([...weights].map((value) => Math.fround(value + 1)))
    expect([outcome.samples, outcome.loss, outcome.metrics]).to.deep.equal([6, Number.NaN, {}])
  })

  const rewritten = (change: string) =>
    node(`
      const file = fs.readFileSync(at + '/weights.safetensors')
      const length = Number(file.readBigUInt64LE())
      const header = JSON.parse(file.subarray(8, 8 + length).toString())
      let values = Buffer.from(file.subarray(8 + length))
      const name = Object.keys(header)[0]
      ${change}
      const json = Buffer.from(JSON.stringify(header))
      const head = Buffer.alloc(8)
      head.writeBigUInt64LE(BigInt(json.length))
      fs.writeFileSync(at + '/trained.safetensors', Buffer.concat([head, json, values]))
      fs.writeFileSync(at + '/metrics.json', '{}')`)
  const wrong: readonly (readonly [what: string, make: () => ExternalTrainer, message: RegExp])[] = [
    ['does nothing', () => shell(':'), /`sh -c :`: it wrote no trained\.safetensors/],
    ['says nothing of its training', () => shell(KEEP), /it wrote no metrics\.json/],
    ['fails', () => shell('echo one; echo "no such column: age" >&2; exit 7'), /exit code 7: no such column: age/],
    ['fails without a word', () => shell('exit 1'), /exit code 1, without a word/],
    ['is killed', () => shell('kill -9 $$'), /killed by SIGKILL|exit code 137/],
    [
      'writes garbage',
      () => shell(`echo garbage > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors: its header is said to be/,
    ],
    [
      'writes half a file',
      () =>
        shell(`head -c 100 "$COHORT_TRAINING/weights.safetensors" > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors: .*cut off|trained\.safetensors: its header/,
    ],
    [
      'writes endlessly',
      () => shell(`head -c 3000000 /dev/zero > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /has 3000000 bytes, at most \d+ are read/,
    ],
    [
      'links to a device',
      () => shell(`ln -s /dev/zero "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors cannot be read \(ELOOP\)/,
    ],
    [
      'leaves a pipe',
      () => shell(`mkfifo "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors is not a regular file/,
    ],
    [
      'returns NaN',
      () => rewritten('values.writeFloatLE(NaN, 4)'),
      /tensor \S+, value 1 is NaN: the training diverged/,
    ],
    ['returns infinity', () => rewritten('values.writeFloatLE(-Infinity, 0)'), /value 0 is -Infinity/],
    [
      'returns another shape',
      () => rewritten('header[name].shape.reverse()'),
      /has shape \[2,3\], the model's is \[3,2\]/,
    ],
    ['returns another type', () => rewritten(`header[name].dtype = 'I32'`), /is I32, expected F32/],
    ['renames a tensor', () => rewritten('header.mine = header[name]; delete header[name]'), /tensor \S+ is missing/],
    [
      'adds a tensor',
      () => rewritten(`header.mine = { dtype: 'F32', shape: [0], data_offsets: [values.length, values.length] }`),
      /tensor "mine" is not the model's/,
    ],
    [
      'counts in NaN',
      () => shell(`${KEEP}; printf '{"loss": NaN}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: not JSON .*NaN and Infinity are not JSON/,
    ],
    [
      'claims more samples than it got',
      () => shell(`${KEEP}; printf '{"samples": 7}' > "$COHORT_TRAINING/metrics.json"`),
      /samples: 7, but it was given 6/,
    ],
    [
      'claims half a sample',
      () => shell(`${KEEP}; printf '{"samples": 1.5}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: samples/,
    ],
    [
      'says what nobody asked',
      () => shell(`${KEEP}; printf '{"sample": 1}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: document: Unrecognized key: "sample"/,
    ],
  ]
  for (const [what, make, message] of wrong) {
    it(`refuses one that ${what}`, () => refuses(() => make().train(weights, data, ROUND), 'TRAINER_FAILED', message))
  }

  it('ends one that hangs, with all that it started, deaf ones too', async () => {
    const mark = join(folder, 'alive')
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
    const mark = join(folder, 'left')
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
      const leak = `${KEEP}; env > '${join(folder, 'env')}'; ${SAY}`
      await shell(leak).train(weights, data, ROUND)
      expect(readFileSync(join(folder, 'env'), 'utf8'))
        .to.contain('COHORT_TRAINING=')
        .and.not.to.contain('a secret')
    } finally {
      delete process.env.COHORT_PASSPHRASE
      rmSync(join(folder, 'env'), { force: true })
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
        const mark = join(folder, 'left-apart')
        const program = apart(leaving(mark, words))
        if (program === null) return this.skip()
        await program.train(weights, data, ROUND)
        expect(await lives(mark), words).to.equal(false)
        rmSync(mark)
      }
    })

    it('that it shares with the keeper: what it leaves is found by the environment, and by nothing else', async () => {
      const mark = join(folder, 'left-shared')
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
      const script = join(folder, 'keeper.mjs')
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
      const mark = join(folder, 'told')
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

  it('must be there', async () => {
    await refuses(
      () => trainer(['no-such-program']),
      'NO_TRAINER',
      /command: no-such-program is not an executable file \(PATH\)/,
    )
    await refuses(
      () => trainer(['./missing.sh']),
      'NO_TRAINER',
      /missing\.sh is not an executable file \(\/.*missing\.sh\)/,
    )
    writeFileSync(join(folder, 'plain.txt'), '')
    await refuses(() => trainer(['./plain.txt']), 'NO_TRAINER', /plain\.txt is not an executable file/)
  })
})
