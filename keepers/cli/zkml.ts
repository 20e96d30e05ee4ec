// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml`: from a trained model to a proof that a contract accepts. Files in and out: docs/zkml.md.
import type { Command } from 'commander'
import { registerClaimCommands } from './zkml/register-claims.ts'
import { registerModelCommands } from './zkml/register-models.ts'
import { registerProofCommands, registerSignCommands, registerVerifierCommands } from './zkml/register-proofs.ts'
import { registerSegmentCommands } from './zkml/register-segments.ts'

export function registerZkml(program: Command): void {
  const zkml = program
    .command('zkml')
    .description('turn a trained model into a prover and a Solidity verifier')
    .addHelpText(
      'after',
      `
A model's way to a contract:
  cohort zkml calibrate model/ --data samples.json --out plan.json
  cohort zkml compile model/ --plan plan.json --out digits/
  cohort zkml setup digits/ --local
  cohort zkml fullprove digits/ --input image.json --out proof.json
  cohort zkml verify digits/ proof.json
  cohort zkml export-verifier digits/ --out Digits.sol`,
    )
  registerModelCommands(zkml)
  registerProofCommands(zkml)
  registerSignCommands(zkml)
  registerVerifierCommands(zkml)
  registerSegmentCommands(zkml)
  registerClaimCommands(zkml)
}
