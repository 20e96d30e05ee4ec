// SPDX-License-Identifier: GPL-3.0-or-later
// A prover that lies, as a process: it claims a segment and answers with a real proof, but about activations that the
// segment before never gave. Arguments: rpc, account, market, job, segment, folder of segments.
import process from 'node:process'
import { JsonRpcProvider } from 'ethers'
import { clients } from '../../keepers/chain/index.ts'
import { readJob } from '../../keepers/serving/job-state.ts'
import { readWitness } from '../../keepers/serving/prover-jobs.ts'
import { InferenceProver, openSegments, toSolidityProof } from '../../keepers/zkml/index.ts'

const [rpc, account, address, jobId, index, folder] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1 })
provider.pollingInterval = 200
const signer = await provider.getSigner(Number(account))
const market = clients.proverMarket(address, signer)
const job = await readJob(market, provider, BigInt(jobId))
const segment = Number(index)
await (await market.bond({ value: job.bond })).wait()
await (await market.claim(job.id, segment, 0)).wait()

const { circuits } = await openSegments(folder)
const circuit = circuits[segment]!
const { input, salts } = (
  await readWitness(market, job, {
    fromBlock: 0,
    plane: null,
    prover: { address: await signer.getAddress(), privateKey: null },
  })
)[segment]!
const { min } = circuit.program.input
input[0] = input[0] === min ? min + 1 : min
const prover = await InferenceProver.open(circuit)
const context = await market.contextOf(job.id, segment, signer.address, circuit.manifest.circuitId, job.deadline)
const { proof } = await prover.prove({ input, integers: true, context, salts })
await prover.close()
const { a, b, c } = toSolidityProof(proof)
const output = job.segments[segment]!.output!
await (await market.submit(job.id, segment, 0, output, { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] })).wait()
process.stdout.write(`${JSON.stringify({ event: 'lied', prover: signer.address })}\n`)
provider.destroy()
