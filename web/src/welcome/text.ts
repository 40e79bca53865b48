import { date } from '../text/format.ts';
import { texts } from '../text/texts.svelte.ts';

export const t = texts({
  tr: {
    language: 'Dil',
    back: 'Geri',
    next: 'Devam',
    wall: 'Her takma adın bir maskesi var. Boş olan sizinki.',
    promise: 'Tanımadığınız biriyle, kim olduğunuzu söylemeden konuşun.',
    start: 'Başlayın',
    haveAccount: 'Hesabım var',
    sees: 'Sunucu neyi görür, neyi göremez?',
    seesWords: 'Yazdıklarınızı göremez. Cihazınızda şifrelenir, en çok 24 saat durur.',
    seesWhen: 'Kiminle, ne zaman ve ne kadar yazıştığınızı görür, 180 gün saklar.',
    seesYou:
      'Numaranızı şifreli tutar; doğum yılınızı ve yaklaşık yerinizi bilir. Karşınızdaki bunları hiç görmez.',
    seesPeer: 'Karşınızdaki takma adınızı ve yazdıklarınızı görür, isterse saklar.',
    age: (n: number) => `${n} yaş ve üzeri içindir.`,
    legal: 'Yasal metinler',
    terms: 'Kullanım koşulları',
    privacy: 'Aydınlatma metni',
    community: 'Topluluk kuralları',
    deleteAccount: 'Hesap silme',
    offline: 'Bağlantı yok. Devam etmek için bağlanmayı bekleyin.',

    steps: (n: number, of: number) => `${of} adımdan ${n}.`,
    phoneTitle: 'Telefonunuz',
    phone: 'Cep telefonu',
    phoneHint: 'Örneğin 0532 123 45 67. Yurt dışından + ile ülke kodunu da yazın.',
    phoneWhy: 'Numaranız yalnızca giriş içindir ve şifreli saklanır. Konuştuğunuz kimse görmez.',
    codeComing: 'Kaydın sonunda bu numaraya altı haneli bir kod gelecek.',
    invited: 'Bir davetle geldiniz. Kayıt bitince ek hakkınız tanımlanır.',
    withoutInvite: 'Davetsiz sürdür',
    aliasTitle: 'Buradaki adınız',
    alias: 'Takma ad',
    aliasHint: '3–20 harf, rakam, _ veya . kullanın.',
    aliasNobody: 'adınız',
    andDigits: 've dört hane',
    maskWhy: 'Maskenizin biçimi adınızdan gelir. Renkleri ve dört hane, kayıt bitince çekilir.',
    couldBe: 'Şöyle olabilir',
    birth: 'Doğum tarihi',
    birthHint: 'Yalnızca yılı saklanır.',
    day: 'Gün',
    month: 'Ay',
    year: 'Yıl',
    passwordTitle: 'Parolanız',
    password: 'Parola',
    passwordHint: 'En az 8 karakter. Birkaç sözcüklük bir cümle en iyisidir.',
    strengths: { weak: 'kolay bulunur', fair: 'orta', good: 'iyi' },
    strength: (word: string) => `Parola gücü: ${word}`,
    accept: {
      before: '',
      terms: 'Kullanım koşullarını',
      and: ' ve ',
      community: 'topluluk kurallarını',
      read: ' kabul ediyorum, ',
      privacy: 'aydınlatma metnini',
      after: ' okudum.',
    },
    register: 'Kaydı bitir',
    sendCode: 'Kodu gönder',
    codeTitle: 'Kodu girin',
    codeSent: (phone: string) =>
      `${phone} numarasına altı haneli bir kod gönderildi. Kod beş dakika geçerli.`,
    codeSentAnyway: (phone: string) =>
      `${phone} numarasıyla bir hesap varsa altı haneli bir kod gönderildi. Kod beş dakika geçerli.`,
    code: 'Kod',
    resend: 'Yeniden gönder',
    resendIn: (s: number) => `${s} sn sonra yeniden gönderebilirsiniz`,
    resent: 'Yeni kod gönderildi. Öncekiler de geçerli.',
    changePhone: 'Numarayı düzelt',
    confirm: 'Onayla',
    welcome: (handle: string) => `Hoş geldiniz, ${handle}`,

    signIn: 'Giriş yap',
    signInTitle: 'Hoş geldiniz',
    forgot: 'Parolamı unuttum',
    noAccount: 'Hesabım yok',
    totp: 'Doğrulama kodu',
    totpHint: 'Uygulamadaki altı hane ya da kurtarma kodlarınızdan biri.',
    newDevice: 'Başka bir cihazdaki sohbetler burada okunmaz: anahtarları o cihazdan çıkmaz.',

    resetTitle: 'Parolanızı yenileyin',
    resetText: 'Kayıtlı numaranızı yazın, altı haneli bir kod gönderelim.',
    newPassword: 'Yeni parola',
    resetEnds: 'Açık bütün oturumlarınız kapanır.',
    setPassword: 'Parolayı değiştir',
    resetDone: 'Parolanız değişti. Yeni parolanızla giriş yapın.',
    resetUnavailable: 'Parola burada yenilenemiyor',
    resetUnavailableText: (contact: string) => `Yardım için ${contact} adresine yazın.`,
    resetUnavailableNobody: 'Bu sunucu kod göndermiyor. Sunucuyu işletene başvurun.',

    consentTitle: 'Koşullar değişti',
    consentText:
      'Sürdürmek için yeni metinleri okuyup kabul edin. Sohbetleriniz bu arada yerinde durur.',
    consent: 'Kabul ediyorum',
    refuse: 'Kabul etmiyorsanız',
    exportData: 'Verilerimi indir',
    deleteMe: 'Hesabımı sil',
    signOut: 'Çıkış yap',

    bannedPhone:
      'Bu numara Tebdil’i kullanamıyor. Hesabınız varsa giriş yapın: nedeni ve itiraz yolu orada.',
    bannedFor: (reason: string, until: string | null) =>
      `Bu numara ${until ? `${date(until)} tarihine kadar ` : ''}Tebdil’i kullanamıyor. ${reason}`,
    inviteUnknown: 'Davet kodu tanınmadı. Bağlantıyı yeniden isteyin ya da davetsiz sürdürün.',
    busy: 'Sunucu şu an çok meşgul. Birkaç saniye sonra yeniden deneyin.',
    credentials: 'Telefon ya da parola yanlış. İkisine de bakın.',
    faults: {
      phone_empty: (_: number) => 'Telefon numaranızı yazın.',
      phone_characters: (_: number) => 'Yalnızca rakam yazın; başında + olabilir.',
      phone_missing: (n: number) => `${n} hane eksik görünüyor.`,
      phone_more: (n: number) => `${n} hane fazla görünüyor.`,
      phone_short: (_: number) => 'Numara kısa görünüyor. Eksik hane var mı?',
      phone_long: (_: number) => 'Numara uzun görünüyor. Fazla hane var mı?',
      phone_taken: (_: number) => 'Bu numarayla bir hesap var. Giriş yapın.',
      invalid_phone: (_: number) =>
        'Bu numara kabul edilmedi. Bir cep telefonu yazın; yurt dışıysa + ile ülke kodunu ekleyin.',
      alias_empty: (_: number) => 'Bir takma ad yazın.',
      alias_short: (n: number) => `En az ${n} karakter yazın.`,
      alias_long: (n: number) => `En çok ${n} karakter olabilir.`,
      alias_characters: (_: number) => 'Yalnızca harf, rakam, _ ve . kullanın; boşluk olmaz.',
      alias_letter: (_: number) => 'En az bir harf kullanın.',
      alias_invalid: (_: number) =>
        'Bu ad alınamıyor. Tek bir alfabenin harfleriyle başka bir ad deneyin.',
      alias_full: (_: number) => 'Bu adı çok kişi almış. Birkaç harf ekleyin.',
      birth_empty: (_: number) => 'Gün, ay ve yılı yazın: 31 01 1990.',
      birth_impossible: (_: number) => 'Böyle bir tarih yok. Günü ve ayı bir daha yazın.',
      underage: (n: number) => `Tebdil ${n} yaş ve üzeri için. Tarih yanlışsa düzeltin.`,
      password_empty: (n: number) => `En az ${n} karakterlik bir parola yazın.`,
      password_missing: (_: number) => 'Parolanızı yazın.',
      password_short: (n: number) => `${n} karakter daha yazın.`,
      password_too_long: (n: number) => `En çok ${n} karakter olabilir.`,
      password_repeated: (_: number) =>
        'Tek bir karakterin tekrarı kolay bulunur. Başka bir parola seçin.',
      password_own: (_: number) =>
        'Telefonunuz ya da takma adınız parola olamaz. Başka bir parola seçin.',
      weak_password: (_: number) =>
        'Bu parola çok bilinenlerden. Birkaç sözcüklük bir cümle deneyin.',
      terms_not_accepted: (_: number) => 'Sürdürmek için metinleri kabul edin.',
      code_empty: (_: number) => 'Gelen altı haneyi yazın.',
      code_invalid: (_: number) =>
        'Kod yanlış ya da süresi geçmiş. Bir daha bakın veya yenisini isteyin.',
      code_tries: (_: number) => 'Çok denendi. Yeni bir kod isteyin.',
      totp_empty: (_: number) => 'Doğrulama uygulamanızdaki kodu yazın.',
      totp_invalid: (_: number) => 'Kod yanlış. Uygulamada yeni kod çıkınca bir daha deneyin.',
    },
  },
  en: {
    language: 'Language',
    back: 'Back',
    next: 'Continue',
    wall: 'Every alias has a mask. The empty one is yours.',
    promise: 'Talk with somebody you do not know, without saying who you are.',
    start: 'Get started',
    haveAccount: 'I have an account',
    sees: 'What can the server see, and what not?',
    seesWords:
      'It cannot see what you write. It is encrypted on your device, and stays at most 24 hours.',
    seesWhen: 'It sees with whom, when and how much you write, and keeps that for 180 days.',
    seesYou:
      'It keeps your number encrypted, and knows the year of your birth and roughly where you are. ' +
      'The other person never sees these.',
    seesPeer: 'The other person sees your alias and what you write, and can keep it.',
    age: (n) => `For ages ${n} and over.`,
    legal: 'Legal texts',
    terms: 'Terms of use',
    privacy: 'Privacy notice',
    community: 'Community rules',
    deleteAccount: 'Deleting an account',
    offline: 'No connection. You can go on when it is back.',

    steps: (n, of) => `Step ${n} of ${of}.`,
    phoneTitle: 'Your phone',
    phone: 'Mobile number',
    phoneHint: 'Such as 0532 123 45 67. From abroad, with + and the country code.',
    phoneWhy:
      'Your number is only for signing in, and is kept encrypted. Nobody you talk with sees it.',
    codeComing: 'At the end, a code of six digits is sent to this number.',
    invited: 'You came by an invitation. Your extra matches are added when you have registered.',
    withoutInvite: 'Go on without it',
    aliasTitle: 'Your name here',
    alias: 'Alias',
    aliasHint: '3–20 letters, digits, _ or .',
    aliasNobody: 'your name',
    andDigits: 'and four digits',
    maskWhy:
      'The shape of your mask comes from your name. Its colours and the four digits are drawn at the end.',
    couldBe: 'It could be',
    birth: 'Date of birth',
    birthHint: 'Only the year is kept.',
    day: 'Day',
    month: 'Month',
    year: 'Year',
    passwordTitle: 'Your password',
    password: 'Password',
    passwordHint: 'At least 8 characters. A sentence of a few words is best.',
    strengths: { weak: 'easy to guess', fair: 'fair', good: 'strong' },
    strength: (word) => `Strength: ${word}`,
    accept: {
      before: 'I accept the ',
      terms: 'terms of use',
      and: ' and the ',
      community: 'community rules',
      read: ', and have read the ',
      privacy: 'privacy notice',
      after: '.',
    },
    register: 'Finish',
    sendCode: 'Send the code',
    codeTitle: 'Enter the code',
    codeSent: (phone) => `A code of six digits was sent to ${phone}. It is good for five minutes.`,
    codeSentAnyway: (phone) =>
      `If ${phone} has an account, a code of six digits was sent to it. It is good for five minutes.`,
    code: 'Code',
    resend: 'Send again',
    resendIn: (s) => `You can have it sent again in ${s} s`,
    resent: 'A new code was sent. Earlier ones stay good.',
    changePhone: 'Correct the number',
    confirm: 'Confirm',
    welcome: (handle) => `Welcome, ${handle}`,

    signIn: 'Sign in',
    signInTitle: 'Welcome back',
    forgot: 'I forgot my password',
    noAccount: 'I have no account',
    totp: 'Verification code',
    totpHint: 'The six digits in your app, or one of your recovery codes.',
    signedOutElsewhere:
      'Where this device has no keys of earlier chats, what was written there cannot be shown.',

    resetTitle: 'A new password',
    resetText: 'Enter your registered number, and a code of six digits will be sent to it.',
    newPassword: 'New password',
    resetEnds: 'You will be signed out everywhere.',
    setPassword: 'Change the password',
    resetDone: 'Your password was changed. Sign in with the new one.',
    resetUnavailable: 'Passwords cannot be reset here',
    resetUnavailableText: (contact) => `Write to ${contact} for help.`,
    resetUnavailableNobody: 'This server sends no codes. Ask who runs it.',

    consentTitle: 'The terms have changed',
    consentText:
      'Read and accept the new texts to go on. Your chats stay where they are meanwhile.',
    consent: 'I accept',
    refuse: 'If you do not accept',
    exportData: 'Download my data',
    deleteMe: 'Delete my account',
    signOut: 'Sign out',

    bannedPhone:
      'This number cannot use Tebdil. If you have an account, sign in: it tells why, and how to appeal.',
    bannedFor: (reason, until) =>
      `This number cannot use Tebdil${until ? ` until ${date(until)}` : ''}. ${reason}`,
    inviteUnknown:
      'The invitation was not recognised. Ask for the link again, or go on without it.',
    busy: 'The server is very busy. Try again in a few seconds.',
    credentials: 'The number or the password is wrong. Check both.',
    faults: {
      phone_empty: () => 'Enter your phone number.',
      phone_characters: () => 'Use digits only; a + may come first.',
      phone_missing: (n) =>
        n === 1 ? 'One digit seems to be missing.' : `${n} digits seem to be missing.`,
      phone_more: (n) =>
        n === 1
          ? 'There seems to be one digit too many.'
          : `There seem to be ${n} digits too many.`,
      phone_short: () => 'The number looks short. Is a digit missing?',
      phone_long: () => 'The number looks long. Is there a digit too many?',
      phone_taken: () => 'There is an account with this number. Sign in.',
      invalid_phone: () =>
        'This number was not accepted. Enter a mobile number; from abroad, with + and the country code.',
      alias_empty: () => 'Enter an alias.',
      alias_short: (n) => `Use at least ${n} characters.`,
      alias_long: (n) => `Use at most ${n} characters.`,
      alias_characters: () => 'Use letters, digits, _ and . only; no spaces.',
      alias_letter: () => 'Use at least one letter.',
      alias_invalid: () =>
        'This name cannot be had. Try another one, with the letters of one alphabet.',
      alias_full: () => 'Too many people have this name. Add a few letters.',
      birth_empty: () => 'Enter day, month and year: 31 01 1990.',
      birth_impossible: () => 'There is no such date. Enter the day and the month again.',
      underage: (n) => `Tebdil is for ages ${n} and over. If the date is wrong, correct it.`,
      password_empty: (n) => `Enter a password of at least ${n} characters.`,
      password_missing: () => 'Enter your password.',
      password_short: (n) => (n === 1 ? 'One more character.' : `${n} more characters.`),
      password_too_long: (n) => `Use at most ${n} characters.`,
      password_repeated: () => 'One character repeated is easy to guess. Choose another password.',
      password_own: () => 'Your phone number or alias cannot be the password. Choose another one.',
      weak_password: () =>
        'This is one of the best-known passwords. Try a sentence of a few words.',
      terms_not_accepted: () => 'Accept the texts to go on.',
      code_empty: () => 'Enter the six digits you were sent.',
      code_invalid: () => 'The code is wrong or too old. Look again, or ask for a new one.',
      code_tries: () => 'Too many tries. Ask for a new code.',
      totp_empty: () => 'Enter the code in your authenticator app.',
      totp_invalid: () => 'The code is wrong. Try again when the app shows a new one.',
    },
  },
});

/** What is wrong with a field, and a number that belongs into the words. */
export interface Fault {
  code: keyof typeof t.faults;
  n?: number;
}

export const faultText = (fault: Fault | null | undefined): string | null =>
  fault ? t.faults[fault.code](fault.n ?? 0) : null;

export const isFault = (code: string): code is Fault['code'] => code in t.faults;
