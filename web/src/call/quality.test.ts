import { expect, test } from 'vitest';
import { QualityMeter } from './quality.ts';

const counted = (packetsReceived: number, packetsLost: number, currentRoundTripTime = 0.05) => [
  { type: 'inbound-rtp', packetsReceived, packetsLost },
  { type: 'candidate-pair', nominated: true, currentRoundTripTime },
  { type: 'candidate-pair', currentRoundTripTime: 9 }, // tried, and not taken
];

test('a line is judged by what happened since the last look', () => {
  const meter = new QualityMeter();
  expect(meter.look(counted(100, 50))).toBeNull();
  expect(meter.look(counted(200, 50))).toBe('good');
  expect(meter.look(counted(297, 53))).toBe('fair');
  expect(meter.look(counted(387, 63))).toBe('poor');
  expect(meter.look(counted(487, 60))).toBe('good'); // three came late after all
});

test('a long way is told, whatever arrives', () => {
  const meter = new QualityMeter();
  meter.look(counted(0, 0));
  expect(meter.look(counted(100, 0, 0.5))).toBe('fair');
  expect(meter.look(counted(200, 0, 0.9))).toBe('poor');
});

test('nothing that comes is a poor line', () => {
  const meter = new QualityMeter();
  meter.look(counted(100, 0));
  expect(meter.look(counted(100, 0))).toBe('poor');
});

test('a connection that begins anew is not compared', () => {
  const meter = new QualityMeter();
  meter.look(counted(100, 0));
  expect(meter.look(counted(10, 0))).toBeNull();
  expect(meter.look(counted(110, 0))).toBe('good');
});
