-- Wireshark dissector for rpcudp, RPC over UDP: the protocol of the Python packages rpcudp and
-- storjrpcudp, with the failure, cancel and running frames and the trailer of the Rust crate
-- rpcudp. docs/wire.md specifies the protocol. The packets of links, which share its port, are left
-- to the dissector of QUIC.
--
-- For Wireshark and tshark 3.6 and later. README.md in this folder explains the installation.

local NAME = "rpcudp"

-- The depth limit of the Rust crate: a body that nests deeper is not a message.
local MAX_DEPTH = 32
-- The number of values shown per datagram. A datagram of one-byte values has 65,000 of them, and
-- each item costs memory.
local MAX_ITEMS = 4000
-- The number of bytes of a value that are shown in a line of the tree, and in the list of packets.
local MAX_LABEL, MAX_INFO = 120, 80

local HEADER_LEN, ID_LEN = 21, 20

local KINDS = {
    [0] = { role = "request", dialect = "rpcudp" },
    [1] = { role = "response", dialect = "rpcudp" },
    [2] = { role = "request", dialect = "storjrpcudp" },
    [3] = { role = "response", dialect = "storjrpcudp" },
    [4] = { role = "failure", dialect = "rpcudp" },
    [5] = { role = "cancel", dialect = "rpcudp" },
    [6] = { role = "running", dialect = "rpcudp" },
    -- The same with a checksum in the trailer.
    [0x81] = { role = "response", dialect = "rpcudp" },
    [0x84] = { role = "failure", dialect = "rpcudp" },
}

local TYPE_NAMES = {
    [0] = "Request", [1] = "Response", [2] = "Request (storj)", [3] = "Response (storj)", [4] = "Failure",
    [5] = "Cancel", [6] = "Running", [0x81] = "Response (checked)", [0x84] = "Failure (checked)",
}

-- The codes of failure frames, in order. A test compares them with `RefusalKind` of rpcudp-core.
local FAILURE_NAMES = {
    [0] = "the method returned an error",
    [1] = "unknown method",
    [2] = "malformed arguments",
    [3] = "busy",
    [4] = "the handler panicked",
    [5] = "the response is too large",
    [6] = "the response cannot be encoded",
    [7] = "closing",
    [8] = "the handler took longer than the server allows",
    [9] = "a layer rejected the call",
    [10] = "the method needs a secure link",
    [11] = "the caller has no session",
    [12] = "the method ran, and its response is not stored",
}

local rpcudp = Proto(NAME, "rpcudp: RPC over UDP")

local fields = {
    type = ProtoField.uint8("rpcudp.type", "Type", base.HEX, TYPE_NAMES),
    dialect = ProtoField.string("rpcudp.dialect", "Dialect"),
    id = ProtoField.bytes("rpcudp.id", "Message id"),
    method = ProtoField.string("rpcudp.method", "Method"),
    arguments = ProtoField.string("rpcudp.arguments", "Arguments"),
    argument_count = ProtoField.uint32("rpcudp.argument_count", "Number of arguments"),
    result = ProtoField.string("rpcudp.result", "Result"),
    failure_code = ProtoField.uint8("rpcudp.failure.code", "Failure", base.DEC, FAILURE_NAMES),
    failure_message = ProtoField.string("rpcudp.failure.message", "Message"),
    failure_detail = ProtoField.string("rpcudp.failure.detail", "Detail"),
    remaining = ProtoField.uint32("rpcudp.remaining", "Remaining time (ms)"),
    handler_time = ProtoField.uint32("rpcudp.handler_time", "Handler time (us)"),
    response_window = ProtoField.uint32("rpcudp.response_window", "Response window (ms)"),
    checksum = ProtoField.uint64("rpcudp.checksum", "Checksum (not verified)", base.HEX),
    metadata = ProtoField.string("rpcudp.metadata", "Metadata"),
    trailing = ProtoField.bytes("rpcudp.trailing", "Bytes after the body"),
    link_port = ProtoField.uint16("rpcudp.link_port", "Port that links share with the plain wire", base.DEC),
    request_in = ProtoField.framenum("rpcudp.request_in", "Request in", base.NONE, frametype.REQUEST),
    response_in = ProtoField.framenum("rpcudp.response_in", "Response in", base.NONE, frametype.RESPONSE),
    retransmission_of = ProtoField.framenum("rpcudp.resend_of", "Retransmission of", base.NONE, frametype.RETRANS_PREV),
    duplicate_of = ProtoField.framenum("rpcudp.copy_of", "Duplicate of", base.NONE, frametype.DUP_ACK),
    time = ProtoField.relative_time("rpcudp.time", "Response time"),
    value_nil = ProtoField.none("rpcudp.value.nil", "nil"),
    value_bool = ProtoField.bool("rpcudp.value.bool", "bool"),
    value_uint = ProtoField.uint64("rpcudp.value.uint", "uint"),
    value_int = ProtoField.int64("rpcudp.value.int", "int"),
    value_float = ProtoField.double("rpcudp.value.float", "float"),
    value_str = ProtoField.string("rpcudp.value.str", "str"),
    value_bin = ProtoField.bytes("rpcudp.value.bin", "bin"),
    value_array = ProtoField.uint32("rpcudp.value.array", "array"),
    value_map = ProtoField.uint32("rpcudp.value.map", "map"),
    value_ext = ProtoField.bytes("rpcudp.value.ext", "ext"),
}

local experts = {
    malformed = ProtoExpert.new("rpcudp.malformed", "not a message", expert.group.MALFORMED, expert.severity.WARN),
    refused = ProtoExpert.new("rpcudp.refused", "the call failed", expert.group.RESPONSE_CODE, expert.severity.NOTE),
    retransmission = ProtoExpert.new("rpcudp.resent", "a retransmitted request", expert.group.SEQUENCE,
        expert.severity.NOTE),
    duplicate = ProtoExpert.new("rpcudp.copy", "a duplicate response", expert.group.SEQUENCE, expert.severity.NOTE),
    no_response = ProtoExpert.new("rpcudp.unanswered", "no response in this capture: lost, oneway, or still pending",
        expert.group.SEQUENCE, expert.severity.CHAT),
    other_source = ProtoExpert.new("rpcudp.other_source", "the response came from another address than the called one",
        expert.group.SEQUENCE, expert.severity.NOTE),
}

rpcudp.fields = fields
rpcudp.experts = experts
rpcudp.prefs.ports = Pref.range("UDP ports", "",
    "Ports that carry only rpcudp; on other ports, a request identifies the protocol", 65535)

-- msgpack. Positions count from 1, as in Lua's strings; `bytes` is the whole datagram.

-- Returns the big-endian number in the `len` bytes at a position, or nil if the datagram ends
-- before that.
local function number_at(bytes, at, len)
    if at + len - 1 > #bytes then return nil end
    local number = 0
    for index = at, at + len - 1 do
        number = number * 256 + bytes:byte(index)
    end
    return number
end

-- The kinds of value whose first byte determines the length, with the number of bytes that follow.
local FIXED = {
    [0xc0] = { "nil", 0 }, [0xc2] = { "bool", 0 }, [0xc3] = { "bool", 0 },
    [0xca] = { "float", 4 }, [0xcb] = { "float", 8 },
    [0xcc] = { "uint", 1 }, [0xcd] = { "uint", 2 }, [0xce] = { "uint", 4 }, [0xcf] = { "uint", 8 },
    [0xd0] = { "int", 1 }, [0xd1] = { "int", 2 }, [0xd2] = { "int", 4 }, [0xd3] = { "int", 8 },
    -- The first of the following bytes is the type of the extension.
    [0xd4] = { "ext", 2 }, [0xd5] = { "ext", 3 }, [0xd6] = { "ext", 5 }, [0xd7] = { "ext", 9 }, [0xd8] = { "ext", 17 },
}

-- The kinds of value with a length field: the number of bytes of the length, and of further bytes
-- that it does not count.
local PREFIXED = {
    [0xc4] = { "bin", 1, 0 }, [0xc5] = { "bin", 2, 0 }, [0xc6] = { "bin", 4, 0 },
    [0xc7] = { "ext", 1, 1 }, [0xc8] = { "ext", 2, 1 }, [0xc9] = { "ext", 4, 1 },
    [0xd9] = { "str", 1, 0 }, [0xda] = { "str", 2, 0 }, [0xdb] = { "str", 4, 0 },
    [0xdc] = { "array", 2 }, [0xdd] = { "array", 4 }, [0xde] = { "map", 2 }, [0xdf] = { "map", 4 },
}

-- Reads the head of the value at a position: { kind, start, payload, len, count }. `payload` and
-- `len` locate its own bytes, and `count` is the number of values within it. Returns nil and the
-- reason if there is no value.
local function read_head(bytes, at)
    local byte = bytes:byte(at)
    if not byte then return nil, "the body ends too early" end
    local head
    if byte < 0x80 or byte >= 0xe0 then
        head = { kind = byte < 0x80 and "uint" or "int", payload = at, len = 1, count = 0 }
    elseif byte < 0x90 then
        head = { kind = "map", payload = at + 1, len = 0, count = 2 * (byte - 0x80) }
    elseif byte < 0xa0 then
        head = { kind = "array", payload = at + 1, len = 0, count = byte - 0x90 }
    elseif byte < 0xc0 then
        head = { kind = "str", payload = at + 1, len = byte - 0xa0, count = 0 }
    elseif FIXED[byte] then
        head = { kind = FIXED[byte][1], payload = at + 1, len = FIXED[byte][2], count = 0 }
    elseif PREFIXED[byte] then
        local kind, width, more = PREFIXED[byte][1], PREFIXED[byte][2], PREFIXED[byte][3]
        local len = number_at(bytes, at + 1, width)
        if not len then return nil, "the body ends too early" end
        head = { kind = kind, payload = at + 1 + width, len = 0, count = 0 }
        if kind == "array" then
            head.count = len
        elseif kind == "map" then
            head.count = 2 * len
        else
            head.len = len + more
        end
    else
        return nil, "a byte that msgpack does not use"
    end
    head.start = at
    local left = #bytes - (head.payload + head.len - 1)
    if left < 0 then return nil, "the body ends too early" end
    -- Each value takes at least one byte, so a larger count is false.
    if head.count > left then return nil, "it claims more values than bytes follow" end
    return head
end

-- Returns the position after the value at a position, or nil and the reason if there is no value.
local function skip(bytes, at, depth)
    local head, reason = read_head(bytes, at)
    if not head then return nil, reason end
    local next = head.payload + head.len
    if head.count > 0 then
        if depth == MAX_DEPTH then return nil, "it nests deeper than " .. MAX_DEPTH .. " levels" end
        for _ = 1, head.count do
            next, reason = skip(bytes, next, depth + 1)
            if not next then return nil, reason end
        end
    end
    return next
end

-- Text

-- Returns whether bytes are UTF-8. Overlong forms of three bytes and more and surrogates pass,
-- which suffices for display.
local function is_utf8(text)
    local at = 1
    while at <= #text do
        local byte = text:byte(at)
        local more = byte < 0x80 and 0 or byte >= 0xc2 and byte < 0xe0 and 1 or byte >= 0xe0 and byte < 0xf0 and 2
            or byte >= 0xf0 and byte < 0xf5 and 3
        if not more or at + more > #text then return false end
        for index = at + 1, at + more do
            local follows = text:byte(index)
            if follows < 0x80 or follows >= 0xc0 then return false end
        end
        at = at + more + 1
    end
    return true
end

-- Truncates a text between two characters, and marks the truncation with "…".
local function truncated(text, max_len)
    if #text <= max_len then return text end
    local len = max_len
    while len > 0 and text:byte(len + 1) >= 0x80 and text:byte(len + 1) < 0xc0 do
        len = len - 1
    end
    return text:sub(1, len) .. "…"
end

local function escape(byte)
    return ("\\x%02x"):format(byte:byte())
end

-- Formats a text for one line: invalid UTF-8 and control characters are escaped.
local function printable(text, max_len)
    local shown = truncated(text, max_len)
    shown = shown:gsub("[%c\\]", function(byte) return byte == "\\" and "\\\\" or escape(byte) end)
    return is_utf8(text) and shown or shown:gsub("[\128-\255]", escape)
end

-- Formats bytes in the syntax of the command line.
local function hex(bytes, max_len)
    local len = math.min(#bytes, math.max(1, math.floor(max_len / 2)))
    local shown = bytes:sub(1, len):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
    return "hex:" .. shown .. (len < #bytes and "…" or "")
end

local scalar = {}

scalar["nil"] = function() return "nil" end

function scalar.bool(bytes, head) return bytes:byte(head.start) == 0xc3 and "true" or "false" end

function scalar.str(bytes, head, max_len)
    return '"' .. printable(bytes:sub(head.payload, head.payload + head.len - 1), max_len) .. '"'
end

function scalar.bin(bytes, head, max_len) return hex(bytes:sub(head.payload, head.payload + head.len - 1), max_len) end

function scalar.ext(bytes, head, max_len)
    local kind = bytes:byte(head.payload)
    if kind >= 0x80 then kind = kind - 0x100 end
    return "ext " .. kind .. " " .. hex(bytes:sub(head.payload + 1, head.payload + head.len - 1), max_len)
end

-- Returns a number as one of Wireshark's types, because Lua may have no 64-bit integers.
local function number_of(tvb, head)
    local range = tvb:range(head.payload - 1, head.len)
    if head.kind == "float" then return range:float() end
    if head.kind == "uint" then return range:uint64() end
    return range:int64()
end

local function number_text(_, head, _, tvb) return tostring(number_of(tvb, head)) end

scalar.uint, scalar.int, scalar.float = number_text, number_text, number_text

-- Formats a valid value in about `max_len` bytes. Returns the text and the position after the
-- value.
local function format_value(bytes, tvb, at, max_len)
    local head = read_head(bytes, at)
    if scalar[head.kind] then return scalar[head.kind](bytes, head, max_len, tvb), head.payload + head.len end
    local is_map = head.kind == "map"
    local parts, len, next = {}, 0, head.payload
    for index = 1, head.count do
        if len >= max_len then
            parts[#parts + 1] = (index > 1 and ", " or "") .. "…"
            next = skip(bytes, at, 0)
            break
        end
        local text
        text, next = format_value(bytes, tvb, next, max_len - len)
        if index > 1 then text = (is_map and index % 2 == 0 and ": " or ", ") .. text end
        parts[#parts + 1] = text
        len = len + #text
    end
    local inner = table.concat(parts)
    return is_map and "{" .. inner .. "}" or "[" .. inner .. "]", next
end

-- The tree

local value_fields = {
    uint = fields.value_uint, int = fields.value_int, float = fields.value_float,
}

-- Adds a value and the values within it to the tree. Returns the position after it. `items.left` is
-- the rest of MAX_ITEMS.
local function add_value(tree, bytes, tvb, at, label, items)
    local head = read_head(bytes, at)
    local text, next = format_value(bytes, tvb, at, MAX_LABEL)
    if items.left == 0 then return next end
    items.left = items.left - 1
    local range = tvb:range(at - 1, next - at)
    local item
    if value_fields[head.kind] then
        item = tree:add(value_fields[head.kind], range, number_of(tvb, head))
    elseif head.kind == "nil" then
        item = tree:add(fields.value_nil, range)
    elseif head.kind == "bool" then
        item = tree:add(fields.value_bool, range, bytes:byte(at) == 0xc3)
    elseif head.kind == "str" and head.len > 0 then
        item = tree:add_packet_field(fields.value_str, tvb:range(head.payload - 1, head.len), ENC_UTF_8)
    elseif head.kind == "str" then
        item = tree:add(fields.value_str, range, "")
    elseif head.kind == "bin" or head.kind == "ext" then
        local payload = head.len > 0 and tvb:range(head.payload - 1, head.len) or nil
        local field = head.kind == "bin" and fields.value_bin or fields.value_ext
        item = payload and tree:add(field, payload) or tree:add(field, range, "")
    else
        local is_map = head.kind == "map"
        item = tree:add(is_map and fields.value_map or fields.value_array, range, is_map and head.count / 2 or head.count)
        local child = head.payload
        for index = 1, is_map and head.count / 2 or head.count do
            local name = "[" .. (index - 1) .. "]"
            if is_map then name, child = format_value(bytes, tvb, child, MAX_LABEL) end
            if items.left == 0 then
                item:add(range, "… more values, not shown")
                break
            end
            child = add_value(item, bytes, tvb, child, name, items)
        end
    end
    item:set_text(label .. ": " .. text .. " (" .. head.kind .. ")")
    return next
end

-- The fields of a trailer by their type: the field, and the length of its value.
local TRAILER = {
    [1] = { field = fields.remaining, len = 4 },
    [2] = { field = fields.handler_time, len = 4 },
    [3] = { field = fields.checksum, len = 8 },
    [5] = { field = fields.response_window, len = 4 },
}

-- Calls `each` with the type, the position and the length of each field of a trailer, as the Rust
-- crate reads them: the first eight. Returns the position after them.
local function fields_of(bytes, at, each)
    if bytes:sub(at, at + 3) ~= "\xc1RuT" then return at end
    at = at + 4
    for _ = 1, 8 do
        local kind, len = bytes:byte(at, at + 1)
        if not len or at + 1 + len > #bytes then break end
        each(kind, at + 2, len)
        at = at + 2 + len
    end
    return at
end

-- The type of the fields with metadata, and the length of their values together.
local METADATA, MAX_METADATA = 4, 512

-- Splits a block of metadata into the texts of its entries. Returns nil if it is not valid.
local function metadata_entries(block)
    local entries, at = {}, 1
    while at <= #block do
        local key_len = block:byte(at)
        local value_at = at + 1 + key_len
        local value_len = number_at(block, value_at, 2)
        if key_len == 0 or not value_len or value_at + 1 + value_len > #block then return nil end
        local key, value = block:sub(at + 1, value_at - 1), block:sub(value_at + 2, value_at + 1 + value_len)
        if not is_utf8(key) or not is_utf8(value) then return nil end
        entries[#entries + 1] = printable(key, MAX_METADATA) .. ": " .. printable(value, MAX_METADATA)
        at = value_at + 2 + value_len
    end
    return #block > 0 and #block <= MAX_METADATA and entries or nil
end

-- Adds the metadata of the fields { start, finish, block }, or their bytes if it is not valid.
local function add_metadata(tree, tvb, run)
    local range = tvb:range(run.start - 1, run.finish - run.start)
    local entries = metadata_entries(run.block)
    if not entries then return tree:add(fields.trailing, range) end
    for _, entry in ipairs(entries) do
        tree:add(fields.metadata, range, entry)
    end
end

-- Adds the bytes after the body: the fields of a trailer, or other bytes.
local function add_trailer(tree, bytes, tvb, at)
    -- The first run of fields with metadata counts.
    local run
    local rest = fields_of(bytes, at, function(kind, value, len)
        local known = TRAILER[kind]
        if kind == METADATA and (not run or run.finish == value - 2) then
            run = run or { start = value - 2, block = "" }
            run.finish, run.block = value + len, run.block .. bytes:sub(value, value + len - 1)
        elseif known and len >= known.len then
            tree:add(known.field, tvb:range(value - 1, known.len))
        else
            tree:add(fields.trailing, tvb:range(value - 3, len + 2))
        end
    end)
    if run then add_metadata(tree, tvb, run) end
    if rest <= #bytes then tree:add(fields.trailing, tvb:range(rest - 1)) end
end

-- Messages

-- Parses a datagram into { role, dialect, id, ..., rest }, where `rest` is the position after the
-- body. Returns nil and the reason if it is not a message.
local function parse(bytes)
    local kind = KINDS[bytes:byte(1)]
    if not kind then return nil, "an unknown type" end
    if #bytes < HEADER_LEN + 1 then return nil, "shorter than the shortest message" end
    local message = { role = kind.role, dialect = kind.dialect, id = bytes:sub(2, HEADER_LEN) }
    local body = HEADER_LEN + 1
    local rest, reason = skip(bytes, body, 0)
    if not rest then return nil, reason end
    message.rest = rest
    if message.role == "response" then return message end

    local array = read_head(bytes, body)
    if message.role == "cancel" or message.role == "running" then
        if array.kind ~= "nil" then return nil, ("a %s frame's body must be nil"):format(message.role) end
        return message
    end
    if message.role == "request" then
        local shape = "a request's body must be an array of a method name and an array of arguments"
        if array.kind ~= "array" or array.count ~= 2 then return nil, shape end
        local name = read_head(bytes, array.payload)
        local arguments = read_head(bytes, name.payload + name.len)
        if name.kind ~= "str" or arguments.kind ~= "array" then return nil, shape end
        message.name, message.arguments = name, arguments
        message.method = bytes:sub(name.payload, name.payload + name.len - 1)
        if not is_utf8(message.method) then return nil, "the method name is not UTF-8" end
        return message
    end
    local shape = "a failure's body must be an array of a code and a message"
    if array.kind ~= "array" or array.count < 2 then return nil, shape end
    local code = read_head(bytes, array.payload)
    local text = read_head(bytes, code.payload + code.len)
    if code.kind ~= "uint" or text.kind ~= "str" then return nil, shape end
    message.code, message.text = code, text
    message.detail = array.count > 2 and text.payload + text.len or nil
    return message
end

-- The calls by caller and message id: { request, time, method, callee, response }, where `request`
-- and `response` are frame numbers and `time` is in seconds. The caller is part of the key because
-- a capture may contain several networks.
local calls = {}
-- The role of each frame in its call: { call, retransmission_of, duplicate_of, other_source, time
-- }. Kept because Wireshark dissects frames repeatedly and in any order.
local roles = {}


local function call_key(message, addr, port)
    return message.dialect .. " " .. tostring(addr) .. " " .. port .. " " .. message.id
end

-- Returns the role of a message. On the first pass, finds its call or adds one.
local function role_of(message, pinfo)
    local role = roles[pinfo.number]
    if role or pinfo.visited then return role or {} end
    role = {}
    if message.role == "request" then
        local key = call_key(message, pinfo.src, pinfo.src_port)
        local call = calls[key]
        if call then
            role.retransmission_of = call.request
        else
            call = { request = pinfo.number, time = pinfo.rel_ts, method = message.method,
                callee = tostring(pinfo.dst) .. " " .. pinfo.dst_port }
            calls[key] = call
        end
        role.call = call
    elseif message.role == "cancel" then
        -- Sent by the caller, as the request was.
        role.call = calls[call_key(message, pinfo.src, pinfo.src_port)]
        role.time = role.call and pinfo.rel_ts - role.call.time
    else
        local call = calls[call_key(message, pinfo.dst, pinfo.dst_port)]
        if call then
            role.call = call
            role.time = pinfo.rel_ts - call.time
            role.other_source = call.callee ~= tostring(pinfo.src) .. " " .. pinfo.src_port
            if message.role == "running" then
                -- The response is still to come.
            elseif call.response then
                role.duplicate_of = call.response
            else
                call.response = pinfo.number
            end
        end
    end
    roles[pinfo.number] = role
    return role
end

local function nstime(seconds)
    local whole = math.floor(seconds)
    return NSTime.new(whole, math.floor((seconds - whole) * 1e9 + 0.5))
end

-- Adds the role of the frame in its call: the frame of the other half, and the response time.
local function add_role(tree, message, role, pinfo)
    local function add(field, ...)
        tree:add(field, ...):set_generated()
    end
    local call = role.call
    if message.role == "request" then
        if role.retransmission_of then
            add(fields.retransmission_of, role.retransmission_of)
            tree:add_proto_expert_info(experts.retransmission)
        end
        if call and call.response then
            add(fields.response_in, call.response)
        elseif pinfo.visited and not role.retransmission_of then
            tree:add_proto_expert_info(experts.no_response)
        end
    elseif call then
        add(fields.request_in, call.request)
        add(fields.method, call.method)
        add(fields.time, nstime(role.time))
        if role.duplicate_of then
            add(fields.duplicate_of, role.duplicate_of)
            tree:add_proto_expert_info(experts.duplicate)
        end
        if role.other_source then tree:add_proto_expert_info(experts.other_source) end
    end
end

-- The functions that add a message to the tree, by role. Each returns the text for the list of
-- packets.
local show = {}

function show.request(tree, message, bytes, tvb, role)
    local name, arguments = message.name, message.arguments
    if name.len > 0 then
        tree:add_packet_field(fields.method, tvb:range(name.payload - 1, name.len), ENC_UTF_8)
    else
        tree:add(fields.method, tvb:range(name.start - 1, 1), "")
    end
    local text = format_value(bytes, tvb, arguments.start, MAX_LABEL):sub(2, -2)
    local range = tvb:range(arguments.start - 1, message.rest - arguments.start)
    local list = tree:add(fields.arguments, range, text)
    list:add(fields.argument_count, range, arguments.count):set_generated()
    local at, items = arguments.payload, { left = MAX_ITEMS }
    for index = 1, arguments.count do
        at = add_value(list, bytes, tvb, at, "Argument " .. index, items)
        if items.left == 0 and index < arguments.count then
            list:add(range, "… more values, not shown")
            break
        end
    end
    local shown = format_value(bytes, tvb, arguments.start, MAX_INFO):sub(2, -2)
    local title = role.retransmission_of and "Retransmission " or "Request "
    return title .. printable(message.method, MAX_INFO) .. "(" .. shown .. ")"
end

-- Formats the name of the method, if the capture contains the request.
local function method_of(role)
    return role.call and " " .. printable(role.call.method, MAX_INFO) or ""
end

function show.response(tree, message, bytes, tvb, role)
    local at = HEADER_LEN + 1
    local text = format_value(bytes, tvb, at, MAX_LABEL)
    local result = tree:add(fields.result, tvb:range(at - 1, message.rest - at), text)
    add_value(result, bytes, tvb, at, "Value", { left = MAX_ITEMS })
    return "Response" .. method_of(role) .. ": " .. format_value(bytes, tvb, at, MAX_INFO)
end

function show.failure(tree, message, bytes, tvb, role)
    local number = number_of(tvb, message.code)
    local code = number:tonumber()
    if code < 256 then
        tree:add(fields.failure_code, tvb:range(message.code.payload - 1, message.code.len), code)
    end
    local text = bytes:sub(message.text.payload, message.text.payload + message.text.len - 1)
    if #text > 0 then
        tree:add_packet_field(fields.failure_message, tvb:range(message.text.payload - 1, #text), ENC_UTF_8)
    end
    local info = "Failure" .. method_of(role) .. ": " .. (FAILURE_NAMES[code] or "reason " .. tostring(number))
    if message.detail then
        local detail, next = format_value(bytes, tvb, message.detail, MAX_LABEL)
        local range = tvb:range(message.detail - 1, next - message.detail)
        add_value(tree:add(fields.failure_detail, range, detail), bytes, tvb, message.detail, "Value", { left = MAX_ITEMS })
        info = info .. " " .. format_value(bytes, tvb, message.detail, MAX_INFO)
    elseif #text > 0 then
        info = info .. " (" .. printable(text, MAX_INFO) .. ")"
    end
    tree:add_proto_expert_info(experts.refused)
    return info
end

function show.cancel(_, _, _, _, role)
    return "Cancel" .. method_of(role)
end

function show.running(_, _, _, _, role)
    return "Running" .. method_of(role)
end

-- Shows a message, or the reason that the datagram is not one.
local function dissect(tvb, pinfo, tree, bytes, message, reason)
    local kind = KINDS[bytes:byte(1)]
    pinfo.cols.protocol = kind.dialect
    local root = tree:add(rpcudp, tvb:range())
    root:add(fields.type, tvb:range(0, 1))
    root:add(fields.dialect, tvb:range(0, 1), kind.dialect):set_generated()
    if #bytes >= HEADER_LEN then root:add(fields.id, tvb:range(1, ID_LEN)) end
    if not message then
        root:append_text(", not a message")
        root:add_proto_expert_info(experts.malformed, "not a message: " .. reason)
        pinfo.cols.info = "Not a message: " .. reason
        return
    end
    local role = role_of(message, pinfo)
    local info = show[message.role](root, message, bytes, tvb, role)
    add_trailer(root, bytes, tvb, message.rest)
    add_role(root, message, role, pinfo)
    root:append_text(", " .. info)
    pinfo.cols.info = info
end

-- Links

-- The ports to which links were opened, by conversation.
local link_ports = {}

-- Returns whether the bytes are a packet of QUIC: its fixed bit (RFC 9000, 17) is in no kind.
local function is_quic(bytes)
    return #bytes > 0 and math.floor(bytes:byte(1) / 0x40) % 2 == 1
end

-- Returns whether the bytes are the first packet of a link, by a caller that is careful of plain
-- peers: an Initial of QUIC version 1 with a connection id of 20 bytes, of which byte 15 is
-- msgpack's nil. Python's rpcudp ignores such a datagram silently.
local function is_link_start(bytes)
    return #bytes >= 1200 and math.floor(bytes:byte(1) / 0x10) == 0xc and bytes:sub(2, 6) == "\0\0\0\1\20"
        and bytes:byte(7 + 15) == 0xc0
end

-- Returns the key of the conversation of a packet, which is the same in both directions.
local function conversation_of(pinfo)
    local one = tostring(pinfo.src) .. " " .. pinfo.src_port
    local other = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    return one < other and one .. " " .. other or other .. " " .. one
end

-- Has Wireshark dissect a packet of a link as QUIC, and adds the port that it shares. Returns the
-- number of bytes, or 0 if there is no dissector of QUIC.
local function dissect_link(tvb, pinfo, tree, bytes)
    local quic = Dissector.get("quic")
    if not quic then return 0 end
    local conversation = conversation_of(pinfo)
    if is_link_start(bytes) then link_ports[conversation] = link_ports[conversation] or pinfo.dst_port end
    if quic:call(tvb, pinfo, tree) == 0 then return 0 end
    local port = link_ports[conversation]
    if port then
        local root = tree:add(rpcudp, tvb:range(0, 1))
        root:append_text((", a link, which shares port %d with the plain wire"):format(port))
        root:add(fields.link_port, tvb:range(0, 1), port):set_generated()
    end
    return tvb:len()
end

-- Dissects datagrams that are known to be rpcudp: on a port that the user named, or between two
-- peers of which one has sent a request or opened a link.
function rpcudp.dissector(tvb, pinfo, tree)
    local bytes = tvb:range():raw()
    if is_quic(bytes) then return dissect_link(tvb, pinfo, tree, bytes) end
    if #bytes == 0 or not KINDS[bytes:byte(1)] then return 0 end
    local message, reason = parse(bytes)
    if not message and tvb:len() < tvb:reported_len() then
        reason = ("the capture contains %d of %d bytes"):format(tvb:len(), tvb:reported_len())
    end
    dissect(tvb, pinfo, tree, bytes, message, reason)
    return tvb:len()
end

-- Returns whether the bytes after a body are a trailer, or none.
local function is_trailer(bytes, at)
    return fields_of(bytes, at, function() end) == #bytes + 1
end

-- Recognises rpcudp on other ports: a request has a distinctive shape, and a response has the id of
-- a request. A response alone cannot be recognised, because any datagram whose first byte is 1
-- might be one. Other packets of QUIC are never claimed. The first one of a link is, so that later
-- plain datagrams between the same peers are not taken for QUIC.
local function heuristic(tvb, pinfo, tree)
    if tvb:len() <= HEADER_LEN or tvb:len() ~= tvb:reported_len() then return false end
    if tvb:len() >= 1200 and is_link_start(tvb:range():raw()) then
        pinfo.conversation = rpcudp
        return rpcudp.dissector(tvb, pinfo, tree) > 0
    end
    if not KINDS[tvb:range(0, 1):uint()] then return false end
    local bytes = tvb:range():raw()
    local message = parse(bytes)
    if not message or not is_trailer(bytes, message.rest) then return false end
    if message.role == "request" then
        if #message.method == 0 or message.method:find("%c") then return false end
        -- From here on, every datagram between these two peers is dissected as rpcudp, even a
        -- malformed one.
        pinfo.conversation = rpcudp
    elseif not (role_of(message, pinfo)).call then
        return false
    end
    dissect(tvb, pinfo, tree, bytes, message)
    return true
end

rpcudp:register_heuristic("udp", heuristic)

function rpcudp.init()
    calls, roles, link_ports = {}, {}, {}
end

local udp_ports = DissectorTable.get("udp.port")
udp_ports:add_for_decode_as(rpcudp)

-- The ports of the preference `rpcudp.ports` that are registered.
local registered = ""

function rpcudp.prefs_changed()
    if registered ~= rpcudp.prefs.ports then
        if registered ~= "" then udp_ports:remove(registered, rpcudp) end
        registered = rpcudp.prefs.ports
        if registered ~= "" then udp_ports:add(registered, rpcudp) end
    end
end
