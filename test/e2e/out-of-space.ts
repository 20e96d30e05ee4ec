// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import type { Cluster } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'

/** What a full disk must not lead to. */
const LOSSES = new Set(['Penalised', 'Dropped', 'StruckOut', 'UpdateIncomplete'])

/**
 * The tests of a keeper without space on its disk, in a cluster that runs. A limit on the size of the files that a process
 * may write takes the place of a full disk, without a right to mount one: every write beyond it fails as a write to a full
 * disk does, with EFBIG in place of ENOSPC.
 */
export function itRunsOutOfSpace(clusterOf: () => Cluster, nodeOf: (cluster: Cluster) => KeeperNode): void {
  const limitFiles = (pid: number, bytes: number | 'unlimited'): Promise<unknown> =>
    promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])
  const roundNow = (cluster: Cluster): number =>
    Math.max(...cluster.lines.filter((line) => line.event === 'state').map((line) => Number(line.round)))
  const lossesOf = async (cluster: Cluster): Promise<string[]> =>
    (await cluster.events()).filter(({ name }) => LOSSES.has(name)).map(({ name, args }) => `${name} ${args}`)

  it('says that its disk is full, goes on looking, and does its step when there is space again', async function () {
    const ready = await promisify(execFile)('prlimit', ['--version']).catch(() => null)
    if (ready === null) this.skip()
    const cluster = clusterOf()
    const poor = nodeOf(cluster)
    const before = await lossesOf(cluster)
    const asked = cluster.lines.length
    await limitFiles(cluster.pid(poor), 1)
    const isError = (line: { node: string; code?: unknown }): boolean =>
      line.node === poor.name && ['STORAGE', 'DISK_FULL'].includes(String(line.code))
    const { reason } = await cluster.line('error of the full disk', isError, 60_000, asked)
    expect(String(reason)).to.match(/cannot read or write .*journal\.sqlite.*limits|no space/)
    const stuck = roundNow(cluster)
    await new Promise((done) => setTimeout(done, 5_000))
    expect(roundNow(cluster), 'the others wait for it').to.be.at.most(stuck + 1)
    await limitFiles(cluster.pid(poor), 'unlimited')
    const next = roundNow(cluster) + 1
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, next)))
    expect(await lossesOf(cluster)).to.deep.equal(before)
  })

  it('refuses to start on a full disk with one line and exit code 75, and starts when there is space', async () => {
    const cluster = clusterOf()
    const poor = nodeOf(cluster)
    const before = await lossesOf(cluster)
    expect(await cluster.stop(poor)).to.equal(0)
    const run = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'run', '--data', poor.folder]
    const limited = ['-c', 'ulimit -S -f 1 && exec "$0" "$@"', process.execPath, ...run]
    const env = { ...process.env, ...keeperEnvironment(), NODE_NO_WARNINGS: '1' }
    const child = spawn('sh', limited, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let error = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      error += text
    })
    const [code] = (await once(child, 'close')) as [number]
    expect(error.trim().split('\n'), error).to.have.length(1)
    expect(error).to.match(/space|limits/)
    expect(code).to.equal(75)
    cluster.start(poor)
    const next = roundNow(cluster)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, next)))
    expect(await lossesOf(cluster)).to.deep.equal(before)
  })
}
