// Arrays from the server: {shape, dtype, data: base64} to {shape, values: Uint8Array | Float32Array}.

export function unpacked({ shape, dtype, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return { shape, values: dtype === "uint8" ? bytes : new Float32Array(bytes.buffer) };
}

// And back: values between 0 and 255 as bytes, or floats.
export function packed(values, shape) {
  const dtype = values instanceof Uint8Array || values instanceof Uint8ClampedArray ? "uint8" : "float32";
  const typed = dtype === "uint8" ? values : Float32Array.from(values);
  const bytes = new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { shape: [...shape], dtype, data: btoa(text) };
}

// One channel of maps (..., channels), channels last.
export function channel({ shape, values }, index) {
  const depth = shape[shape.length - 1];
  const size = values.length / depth;
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = values[i * depth + index];
  return { shape: shape.slice(0, -1), values: out };
}

// Smallest and largest finite value; [0, 0] where there is none.
export function range(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}
