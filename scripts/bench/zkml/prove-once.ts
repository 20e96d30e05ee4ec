// SPDX-License-Identifier: GPL-3.0-or-later
// `prove-once.ts FOLDER INPUT`: one proof, as `cohort zkml fullprove` makes it; prints the most memory that the process had, in bytes.
import { readFile } from 'node:fs/promises'
import { peakMemory } from '../../../keepers/cli/peak-memory.ts'
import { InferenceProver } from '../../../keepers/zkml/index.ts'

const [folder, input] = process.argv.slice(2)
const prover = await InferenceProver.open(folder!)
await prover.prove({ input: JSON.parse(await readFile(input!, 'utf8')), context: 1n })
await prover.close()
process.stdout.write(`${peakMemory()}\n`)
