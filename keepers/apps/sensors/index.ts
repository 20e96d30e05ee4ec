// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the sensors app: samples that devices sign, and proofs of summaries of them.

export {
  makeSensorCircuit,
  proveSamples,
  readSensorCircuit,
  type SensorCircuit,
  sensorInputs,
  sensorSource,
} from './circuit.ts'
export { SensorError } from './errors.ts'
export { commitSamples, DeviceTree, packSummary, type SignedSample, signSample, summaryOf } from './samples.ts'
