// What the camera of somebody in a picture shows: nobody real, and not Chromium's test picture.

/** Runs in a page before its own scripts, with the colours of wall, clothes and skin. */
export function drawnCamera([wall, clothes, skin]) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);

  function draw(pen, width, height) {
    const light = pen.createRadialGradient(width * 0.3, height * 0.2, 0, width * 0.3, height * 0.2, height);
    light.addColorStop(0, 'rgb(255 255 255 / 45%)');
    light.addColorStop(1, 'rgb(0 0 0 / 25%)');
    for (const paint of [wall, light]) {
      pen.fillStyle = paint;
      pen.fillRect(0, 0, width, height);
    }
    // It breathes, so that every frame is a new one.
    const y = height * 0.47 + 3 * Math.sin(performance.now() / 700);
    const x = width / 2;
    const r = height * 0.14;
    const blob = (colour, ...ellipse) => {
      pen.beginPath();
      pen.ellipse(...ellipse, 0, 0, 2 * Math.PI);
      pen.fillStyle = colour;
      pen.fill();
    };
    pen.fillStyle = skin;
    pen.fillRect(x - r * 0.35, y + r * 0.6, r * 0.7, r);
    blob(clothes, x, y + r * 3.4, r * 2, r * 2.1);
    blob('#33261f', x, y - r * 0.18, r * 1.02, r * 1.12);
    blob(skin, x, y + r * 0.1, r * 0.82, r);
    // In disguise.
    for (const side of [-1, 1]) {
      blob('#26303d', x + side * r * 0.42, y, r * 0.44, r * 0.27);
      blob('#f4efe8', x + side * r * 0.4, y, r * 0.17, r * 0.1);
      blob('#33261f', x + side * r * 0.4, y, r * 0.08, r * 0.09);
    }
    pen.beginPath();
    pen.arc(x, y + r * 0.5, r * 0.28, 0.15 * Math.PI, 0.85 * Math.PI);
    pen.lineWidth = r * 0.08;
    pen.lineCap = 'round';
    pen.strokeStyle = '#8a4a3c';
    pen.stroke();
  }

  navigator.mediaDevices.getUserMedia = async (wished) => {
    const stream = await real(wished);
    const [before] = stream.getVideoTracks();
    if (!before) return stream;
    const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 640 });
    const pen = canvas.getContext('2d');
    const clock = setInterval(() => draw(pen, canvas.width, canvas.height), 66);
    const [track] = canvas.captureStream(15).getVideoTracks();
    const stop = track.stop.bind(track);
    track.stop = () => {
      clearInterval(clock);
      before.stop();
      stop();
    };
    draw(pen, canvas.width, canvas.height);
    return new MediaStream([track, ...stream.getAudioTracks()]);
  };
}
