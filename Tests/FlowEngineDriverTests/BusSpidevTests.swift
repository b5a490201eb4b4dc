// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc
import Testing

@testable import FlowEngineDriver

@Suite("spidev")
struct BusSpidevTests {
    private func failure(_ configuration: SpidevConfiguration) -> SPIError? {
        #expect(throws: SPIError.self) { _ = try SpidevDevice(configuration) }
    }

    @Test("a device that is not there is named with the call that failed")
    func notThere() {
        let error = failure(SpidevConfiguration(path: "/dev/spidev99.7"))
        #expect(error?.cause == .system(call: "open(/dev/spidev99.7)", errno: ENOENT))
    }

    @Test("a file that is no spidev is found out at the first ioctl, and closed")
    func notSpidev() throws {
        let folder = try TemporaryFolder()
        try folder.write("spidev0.0", "")
        let path = "\(folder.path)/spidev0.0"
        for _ in 0..<3 {
            // Were the descriptor left open, the lock on it would refuse the second.
            #expect(
                failure(SpidevConfiguration(path: path))?.cause
                    == .system(call: "ioctl(\(path), SPI_IOC_WR_MODE)", errno: ENOTTY))
        }
    }

    @Test("a device that another process owns is refused in words")
    func owned() throws {
        let folder = try TemporaryFolder()
        try folder.write("spidev0.0", "")
        let path = "\(folder.path)/spidev0.0"
        let owner = open(path, O_RDWR | O_CLOEXEC)
        defer { close(owner) }
        try #require(flock(owner, LOCK_EX) == 0)
        let error = failure(SpidevConfiguration(path: path))
        guard case .configuration(let why) = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(
            why
                == "flock(\(path)): another process of Piccolo owns it; a card has one owner at a time: stop that one, or ask it"
        )
    }

    @Test(
        "settings the card cannot take are refused with those it can",
        arguments: [
            (SpidevConfiguration(hertz: 50_000_001), "an SPI clock of 50000001 Hz; the card takes 1 Hz to 50 MHz"),
            (SpidevConfiguration(hertz: 0), "an SPI clock of 0 Hz; the card takes 1 Hz to 50 MHz"),
            (SpidevConfiguration(delay: 65_536), "a delay of 65536 µs between frames; it is 0 to 65535 µs"),
        ])
    func settings(configuration: SpidevConfiguration, text: String) {
        #expect(failure(configuration)?.cause == .configuration(text))
    }

    @Test("a size of the kernel's buffer that is no number is refused")
    func bufferSize() throws {
        let folder = try TemporaryFolder()
        try folder.write("bufsiz", "many\n")
        let path = "\(folder.path)/bufsiz"
        #expect(
            failure(SpidevConfiguration(bufferSizePath: path))?.cause
                == .configuration("\(path) holds \"many\", which is no number of bytes"))
    }

    @Test("room for frames shrinks to what the kernel's alignment leaves, and not without end")
    func coarsening() {
        var limits = SPILimits(frames: 511, bytes: 4096)
        var granules: [Int] = []
        while limits.coarsen() { granules.append(limits.granule) }
        #expect(granules == [8, 16, 32, 64, 128, 256])
        var room = SPILimits(frames: 511, bytes: 4096, granule: 128)
        var frames = 0
        while room.take(12) { frames += 1 }
        #expect(frames == 32)
    }

    @Test(
        "a frequency is written as people do",
        arguments: [
            (50_000_000, "50 MHz"), (12_500_000, "12.5 MHz"), (31_250_000, "31.25 MHz"), (400_000, "400 kHz"),
            (50_000_001, "50000001 Hz"), (1_001_000, "1.001 MHz"), (999, "999 Hz"),
        ])
    func frequency(hertz: Int, text: String) { #expect("\(Frequency(hertz))" == text) }
}

@Suite("The SPI speed test")
struct SPISpeedTests {
    private func device(_ fault: ModelSPIDevice.Fault? = nil) -> ModelSPIDevice {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()))
        device.fault = fault
        return device
    }

    @Test("finds the fastest clock that works, from slow to fast, and stops at the first that does not")
    func finds() throws {
        let device = device(.tooFast(above: 20_000_000))
        device.slave.card.words[ModelCard.scratch] = 0x5eed
        let test = SPISpeedTest(candidates: [50_000_000, 10_000_000, 20_000_000, 25_000_000], rounds: 3)
        let report = try test.run(on: device)
        #expect(report.best == 20_000_000)
        #expect(report.trials.map(\.hertz) == [10_000_000, 20_000_000, 25_000_000])
        #expect(report.trials.map(\.rounds) == [3, 3, 0])
        #expect(device.hertz == 20_000_000)
        #expect(device.slave.card.words[ModelCard.scratch] == 0x5eed, "the scratch register holds what it held")
        #expect("\(report)".hasPrefix("10 MHz: works (3 rounds)\n20 MHz: works (3 rounds)\n25 MHz: "))
    }

    @Test("never exceeds the maximum, nor what the card takes")
    func maximum() throws {
        let slow = device()
        let report = try SPISpeedTest(maximum: 16_000_000, rounds: 1).run(on: slow)
        #expect(report.best == 16_000_000)
        #expect(slow.speeds.allSatisfy { $0 <= 16_000_000 })
        let fast = device()
        _ = try SPISpeedTest(candidates: [1_000_000, 80_000_000], maximum: 100_000_000, rounds: 1).run(on: fast)
        #expect(fast.hertz == 1_000_000)
    }

    @Test("without a card no speed works, and the clock is what it was")
    func noCard() throws {
        let device = device(.stuck(0xff))
        let report = try SPISpeedTest(rounds: 2).run(on: device)
        #expect(report.best == nil)
        #expect(report.trials.count == 1)
        #expect(device.hertz == 1_000_000)
        #expect("\(report)".contains("no card answers"))
    }

    @Test("a wire that swallows every pattern alike is found out")
    func deafWrites() throws {
        let device = device()
        device.slave.card.lateWrites = [ModelCard.scratch]
        let report = try SPISpeedTest(candidates: [1_000_000], rounds: 2).run(on: device)
        #expect(report.best == nil)
        #expect(report.trials.first?.rounds == 0)
    }

    @Test("a test of nothing is refused")
    func nothing() {
        #expect(throws: SPIError.self) { _ = try SPISpeedTest(rounds: 0).run(on: device()) }
        #expect(throws: SPIError.self) { _ = try SPISpeedTest(maximum: 100).run(on: device()) }
    }
}
