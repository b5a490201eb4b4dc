// SPDX-License-Identifier: Apache-2.0
// A card as its SPI pins show it: a bit-level SPI slave (mode 0, most significant bit first) before the register block
// that is generated from fpga-regs/.
//
//   write local  0F AA AA AA DD DD DD DD                read local  3C AA AA AA dd dd dd dd
//   write MMI    C3 AA AA AA DD DD DD DD                read MMI    F0 AA AA AA -- -- -- -- dd dd dd dd
//
// What public sources leave open and is chosen here: a read is carried out as soon as its address is complete, a write when
// the chip select ends after exactly 64 bits; the line to the master is low outside of data; a register of the bus that is
// not there is one that does not answer in time.
module card (
    input  wire clk,
    input  wire rst,
    input  wire sck,
    input  wire cs_n,
    input  wire mosi,
    output wire miso
);
    localparam logic [31:0] TIMED_OUT = 32'hEEEEEEEE;

    localparam logic [7:0] WRITE_LOCAL = 8'h0F;
    localparam logic [7:0] READ_LOCAL = 8'h3C;
    localparam logic [7:0] WRITE_MMI = 8'hC3;
    localparam logic [7:0] READ_MMI = 8'hF0;

    localparam logic [7:0] COMMAND_BITS = 8;
    localparam logic [7:0] ADDRESS_BITS = 32;
    localparam logic [7:0] SHORT_BITS = 64;
    localparam logic [7:0] LONG_BITS = 96;
    localparam logic [7:0] MANY_BITS = 255;

    // ---- Wires, seen at this side's clock ----
    logic sck_before, cs_n_before;
    wire sck_rises = sck && !sck_before && !cs_n;
    wire frame_begins = !cs_n && cs_n_before;
    wire frame_ends = cs_n && !cs_n_before;

    always_ff @(posedge clk) begin
        sck_before <= rst ? 1'b0 : sck;
        cs_n_before <= rst ? 1'b1 : cs_n;
    end

    // ---- What came in ----
    logic [7:0] count;
    logic [7:0] command;
    logic [23:0] address;
    logic [31:0] data;

    always_ff @(posedge clk) begin
        if (rst || frame_begins) begin
            count <= 0;
        end else if (sck_rises) begin
            if (count != MANY_BITS) count <= count + 1;
            if (count < COMMAND_BITS) command <= {command[6:0], mosi};
            else if (count < ADDRESS_BITS) address <= {address[22:0], mosi};
            else if (count < SHORT_BITS) data <= {data[30:0], mosi};
        end
    end

    wire is_read = command == READ_LOCAL || command == READ_MMI;
    wire is_local_command = command == READ_LOCAL || command == WRITE_LOCAL;
    wire is_command = is_read || command == WRITE_LOCAL || command == WRITE_MMI;
    wire is_local_address = address >= 24'h0C0000 && address <= 24'h0FFF00;
    wire is_aligned = address[1:0] == 0;
    wire is_sound = is_command && is_local_command == is_local_address && is_aligned;
    wire [7:0] whole = command == READ_MMI ? LONG_BITS : SHORT_BITS;

    // ---- The access ----
    logic address_was_complete;
    wire address_is_complete = count == ADDRESS_BITS && !cs_n;
    wire begins_read = address_is_complete && !address_was_complete && is_sound && is_read;
    wire begins_write = frame_ends && count == SHORT_BITS && is_sound && !is_read;
    wire is_there = card_places::is_place(address);

    always_ff @(posedge clk) address_was_complete <= !rst && address_is_complete;

    logic rd_ack, rd_err, wr_ack, wr_err;
    logic [31:0] rd_data;
    card_registers_pkg::card_registers__in_t in;
    card_registers_pkg::card_registers__out_t out;

    card_registers registers (
        .clk,
        .rst,
        .s_cpuif_req((begins_read || begins_write) && is_there),
        .s_cpuif_req_is_wr(begins_write),
        .s_cpuif_addr(address),
        .s_cpuif_wr_data(data),
        .s_cpuif_wr_biten(32'hFFFFFFFF),
        .s_cpuif_req_stall_wr(),
        .s_cpuif_req_stall_rd(),
        .s_cpuif_rd_ack(rd_ack),
        .s_cpuif_rd_err(rd_err),
        .s_cpuif_rd_data(rd_data),
        .s_cpuif_wr_ack(wr_ack),
        .s_cpuif_wr_err(wr_err),
        .hwif_in(in),
        .hwif_out(out)
    );

    // ---- What goes out: the bit stands from the falling edge before to the falling edge behind the master's sampling ----
    logic [31:0] answer;
    logic sent;
    wire [7:0] first_bit = whole - 32;

    always_ff @(posedge clk) begin
        if (rst || frame_begins) answer <= 0;
        else if (begins_read && !is_there) answer <= is_local_command ? 0 : TIMED_OUT;
        else if (rd_ack) answer <= rd_data;
    end

    wire is_data = is_read && count >= first_bit && count < whole;
    wire [4:0] place = 5'(whole) - 5'd1 - 5'(count);
    always_ff @(posedge clk) if (!sck) sent <= is_data && answer[place];
    assign miso = sent;

    // ---- What went wrong: ACCESS_ERROR ----
    logic [11:0] wrong_now, wrong;
    always_ff @(posedge clk) wrong <= rst ? 0 : wrong_now;
    always_comb begin
        wrong_now = 0;
        if (frame_ends) begin
            if (count < COMMAND_BITS) wrong_now[1] = 1;
            else if (!is_command) wrong_now[0] = 1;
            else if (count < ADDRESS_BITS || (!is_read && count < SHORT_BITS)) wrong_now[1] = 1;
            else begin
                if (is_local_command != is_local_address) wrong_now[0] = 1;
                else if (!is_aligned) wrong_now[3] = 1;
                else if (count < whole) wrong_now[1] = 1;
                if (count > whole) wrong_now[2] = 1;
            end
        end
        if (begins_read && !is_there) begin
            if (is_local_command) wrong_now[4] = 1;
            else {wrong_now[10], wrong_now[9]} = 2'b11;
        end
        if (begins_write && !is_there) begin
            if (is_local_command) wrong_now[4] = 1;
            else wrong_now[8] = 1;
        end
        if (rd_ack && rd_err) begin
            if (is_local_command) wrong_now[5] = 1;
            else {wrong_now[11], wrong_now[7]} = 2'b11;
        end
        if (wr_ack && wr_err) begin
            if (is_local_command) wrong_now[5] = 1;
            else wrong_now[7] = 1;
        end
    end

    // ---- What the registers show. Registers without a source of their own are 0. ----
    always_comb begin
        in = '0;
        in.common.ADDR_MAP_REV.revision.next = 31'd17;
        in.common.PARAM_PRT_CNT.value.next = 32'd3;
        in.common.PARAM_DP_CNT.value.next = 32'd1;
        in.common.FPGA_TEMP.raw.next = 12'd2600;
        in.common.FEATURES_FLOWCACHE.present.next = 1;
        in.common.FEATURES_FLOWCACHE.emh.next = 1;
        in.common.FEATURES_FLOWCACHE.linear.next = 1;
        in.spi_local.FPGA_TEMP.raw.next = 12'd2600;
        in.spi_local.FPGA_REV.address_map.next = 8'd17;
        in.spi_local.BITGEN_TIME.day.next = 5'd26;
        in.spi_local.BITGEN_TIME.month.next = 4'd11;
        in.spi_local.BITGEN_TIME.year.next = 6'd26;
        in.flow_cache.HASH_ID.value.next = 32'd9;

        in.spi_local.ACCESS_ERROR.command.next = 1;
        in.spi_local.ACCESS_ERROR.command.we = wrong[0];
        in.spi_local.ACCESS_ERROR.undersized.next = 1;
        in.spi_local.ACCESS_ERROR.undersized.we = wrong[1];
        in.spi_local.ACCESS_ERROR.oversized.next = 1;
        in.spi_local.ACCESS_ERROR.oversized.we = wrong[2];
        in.spi_local.ACCESS_ERROR.misaligned.next = 1;
        in.spi_local.ACCESS_ERROR.misaligned.we = wrong[3];
        in.spi_local.ACCESS_ERROR.undefined_address.next = 1;
        in.spi_local.ACCESS_ERROR.undefined_address.we = wrong[4];
        in.spi_local.ACCESS_ERROR.access_violation.next = 1;
        in.spi_local.ACCESS_ERROR.access_violation.we = wrong[5];
        in.spi_local.ACCESS_ERROR.local_read_timeout.next = 1;
        in.spi_local.ACCESS_ERROR.local_read_timeout.we = wrong[6];
        in.spi_local.ACCESS_ERROR.mmi_error.next = 1;
        in.spi_local.ACCESS_ERROR.mmi_error.we = wrong[7];
        in.spi_local.ACCESS_ERROR.mmi_write_timeout.next = 1;
        in.spi_local.ACCESS_ERROR.mmi_write_timeout.we = wrong[8];
        in.spi_local.ACCESS_ERROR.mmi_read_timeout.next = 1;
        in.spi_local.ACCESS_ERROR.mmi_read_timeout.we = wrong[9];
        in.spi_local.ACCESS_ERROR.timeout.next = 1;
        in.spi_local.ACCESS_ERROR.timeout.we = wrong[10];
        in.spi_local.ACCESS_ERROR.mmi_read_failed.next = 1;
        in.spi_local.ACCESS_ERROR.mmi_read_failed.we = wrong[11];

        // Tables take what is written at once; nobody reads them.
        in.action.wr_ack = table_write[0];
        in.action.rd_ack = table_read[0];
        in.collision.wr_ack = table_write[1];
        in.collision.rd_ack = table_read[1];
    end

    logic [1:0] table_write, table_read;
    always_ff @(posedge clk) begin
        table_write <= {out.collision.req && out.collision.req_is_wr, out.action.req && out.action.req_is_wr};
        table_read <= {out.collision.req && !out.collision.req_is_wr, out.action.req && !out.action.req_is_wr};
    end
endmodule
